/** With how many to begin: what the engine says of itself, else what its kind bears. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as HttpClient from "effect/http/HttpClient"
import type { Endpoint } from "@stint/core/Endpoint"
import * as Protocol from "../../Protocol.ts"

/** What is known before the first request, of one replica. */
export interface Seed {
  readonly perReplica: number
  /** What it takes at a time by its own word: one more is refused. */
  readonly declared?: number | undefined
}

/** Keeps one replica of any common engine busy. */
const USUAL = 64
/** What vLLM and SGLang bear at first: they refuse nothing, and too few idle a large GPU from the start. */
const QUEUEING = 192
/** However many an engine says it takes: more is found out. */
const MOST = 256

const variantOf = (endpoint: Endpoint): readonly [string, unknown] =>
  Object.entries(endpoint.model?.image ?? {})[0] ?? ["huggingface", {}]

const whole = (value: unknown): number | undefined => {
  const number = typeof value === "string" || typeof value === "number" ? Number(value) : Number.NaN
  return Number.isInteger(number) && number > 0 ? number : undefined
}

const field = (image: unknown, key: string) =>
  Predicate.hasProperty(image, key) ? whole(image[key]) : undefined

const flags: ReadonlySet<string> = new Set(["--max-num-seqs", "--max-running-requests", "--parallel", "-np"])

/** The number that follows one of the flags, as `--max-num-seqs 64` or `--max-num-seqs=64`. */
const fromArgs = (endpoint: Endpoint): number | undefined => {
  const args = endpoint.model?.args ?? []
  for (const [at, arg] of args.entries()) {
    if (typeof arg !== "string") continue
    const [flag, value] = arg.split("=", 2)
    if (flag !== undefined && flags.has(flag)) return whole(value ?? args[at + 1])
  }
  return undefined
}

const Info = Schema.Struct({ max_concurrent_requests: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)) })
const decodeInfo = Schema.decodeUnknownOption(Info)

/** TGI and TEI tell on `/info` how many requests they take. */
const declaredBy = (client: HttpClient.HttpClient): Effect.Effect<number | undefined> =>
  client.get("/info").pipe(
    Effect.flatMap((response) => (response.status === 200 ? response.json : Effect.undefined)),
    Effect.timeout("2 seconds"),
    Effect.map((json) => Option.getOrUndefined(decodeInfo(json))?.max_concurrent_requests),
    Effect.orElseSucceed(() => undefined)
  )

/** Finds the seed of an endpoint; asks it only where its kind answers. */
export const find = Effect.fnUntraced(function* (
  endpoint: Endpoint,
  client: HttpClient.HttpClient
): Effect.fn.Return<Seed> {
  const [variant, image] = variantOf(endpoint)
  const protocol = Protocol.protocolOf(endpoint)
  const tells = protocol === "tgi" || protocol === "tei" || (variant === "custom" && protocol === "toolkit")
  const declared = tells
    ? ((yield* declaredBy(client)) ??
      field(image, "maxConcurrentRequests") ??
      whole(endpoint.model?.env?.["MAX_CONCURRENT_REQUESTS"]))
    : undefined
  if (declared !== undefined) return { perReplica: Math.min(declared, QUEUEING), declared }
  const sequences = fromArgs(endpoint)
  const slots = field(image, "nParallel") ?? whole(endpoint.model?.env?.["LLAMA_ARG_N_PARALLEL"])
  // While one answer leaves its slot the next is there already.
  if (slots !== undefined) return { perReplica: Math.min(2 * slots, MOST) }
  if (sequences !== undefined) return { perReplica: Math.min(sequences, MOST) }
  const url = Predicate.hasProperty(image, "url") && typeof image.url === "string" ? image.url : ""
  return { perReplica: /vllm|sglang|hfServe/i.test(`${variant} ${url}`) ? QUEUEING : USUAL }
})
