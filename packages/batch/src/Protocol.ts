/**
 * Which protocol an endpoint speaks.
 */
import * as Predicate from "effect/Predicate"
import type { Endpoint } from "@stint/core/Endpoint"

/**
 * Which protocol an endpoint speaks, read from its image.
 *
 * `openai` stands for the engines that answer the OpenAI routes alone: vLLM, SGLang, llama.cpp.
 */
export type Protocol = "toolkit" | "tei" | "tgi" | "openai"

const byVariant: Record<string, Protocol> = {
  tei: "tei",
  tgi: "tgi",
  tgiNeuron: "tgi",
  llamacpp: "openai",
  vLLM: "openai",
  vLLMOmni: "openai",
  vLLMNeuron: "openai",
  sGLang: "openai"
}

const byImageUrl = (url: string): Protocol =>
  /text-embeddings-inference/.test(url)
    ? "tei"
    : /text-generation-inference/.test(url)
      ? "tgi"
      : /vllm|sglang|llama\.?cpp/i.test(url)
        ? "openai"
        : "toolkit"

/** The protocol of an endpoint: by its image's variant, else by its container's name, else the managed toolkit's. */
export const protocolOf = (endpoint: Endpoint): Protocol => {
  const [variant, image] = Object.entries(endpoint.model?.image ?? {})[0] ?? ["huggingface", {}]
  const url = Predicate.hasProperty(image, "url") && typeof image.url === "string" ? image.url : ""
  return byVariant[variant] ?? byImageUrl(url)
}
