/** The flows of Hugging Face's own guide and cookbook, from create to delete. */
import { assert } from "@effect/vitest"
import { EndpointSpec } from "@stint/core"
import { Effect } from "effect"
import { type Stage, freshName, post, type scenarios } from "./Subject.ts"

const hardware = {
  cpu: {
    accelerator: "cpu",
    vendor: "aws",
    region: "us-east-1",
    instanceType: "intel-spr",
    instanceSize: "x2"
  },
  gpu: {
    accelerator: "gpu",
    vendor: "aws",
    region: "us-east-1",
    instanceType: "nvidia-t4",
    instanceSize: "x1"
  }
}

const gpt2 = EndpointSpec.make({
  ...hardware.cpu,
  repository: "openai-community/gpt2",
  task: "text-generation",
  type: "protected"
})

const chat = EndpointSpec.make({
  ...hardware.gpu,
  repository: "HuggingFaceTB/SmolLM2-135M-Instruct",
  task: "text-generation",
  image: { tgi: { url: "ghcr.io/huggingface/text-generation-inference:3.3.6", maxTotalTokens: 1512 } }
})

const diffusion = EndpointSpec.make({
  ...hardware.gpu,
  instanceType: "nvidia-a10g",
  repository: "stabilityai/sd-turbo",
  task: "text-to-image"
})

/** `exists? resume : create`, and a wait either way. */
const open = Effect.fnUntraced(function* (stage: Stage, name: string, spec: EndpointSpec.EndpointSpec) {
  const { endpoints } = stage
  const how = yield* endpoints.get(name).pipe(
    Effect.flatMap((endpoint) =>
      endpoint.isAsleep
        ? Effect.as(endpoints.resume(name), "resumed" as const)
        : Effect.succeed("taken as it is" as const)
    ),
    Effect.catchTag("NotFound", () => Effect.as(stage.create(spec, { name }), "created" as const))
  )
  return { how, endpoint: yield* stage.ready(name) }
})

const magic: ReadonlyArray<readonly [type: string, bytes: ReadonlyArray<number>]> = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47]],
  ["image/jpeg", [0xff, 0xd8, 0xff]]
]

/** Adds the flows; `within` is a scenario that is played only where its hardware can be paid. */
export const flows = (
  scenario: ReturnType<typeof scenarios>,
  within: (spec: EndpointSpec.EndpointSpec) => typeof scenario
): void => {
  within(gpt2)("guide: create, wait, call, pause, resume, scale to zero, update, delete", (stage) =>
    Effect.gen(function* () {
      const { endpoints } = stage
      const { name } = yield* stage.create(gpt2)
      const generate = Effect.gen(function* () {
        const running = yield* stage.ready(name)
        const response = yield* post(stage, running, "/", { inputs: "I am" })
        assert.strictEqual(response.status, 200)
        const [answer] = Object.values(Object(yield* response.json))
        assert.typeOf(Object(answer)["generated_text"], "string")
      })
      yield* generate
      assert.strictEqual((yield* endpoints.pause(name)).state, "paused")
      yield* endpoints.resume(name)
      yield* generate
      assert.strictEqual((yield* endpoints.scaleToZero(name)).state, "scaledToZero")
      yield* generate
      const updated = yield* endpoints.update(name, { repository: "openai-community/gpt2-medium" })
      assert.strictEqual(updated.model?.repository, "openai-community/gpt2-medium")
      yield* generate
      yield* endpoints.delete(name)
      assert.strictEqual((yield* Effect.flip(endpoints.get(name)))._tag, "NotFound")
    })
  )

  within(gpt2)("cookbook: resumed if it exists, else created", (stage) =>
    Effect.gen(function* () {
      const name = yield* freshName
      assert.strictEqual((yield* open(stage, name, gpt2)).how, "created")
      assert.strictEqual((yield* open(stage, name, gpt2)).how, "taken as it is")
      yield* stage.endpoints.pause(name)
      const { endpoint, how } = yield* open(stage, name, gpt2)
      assert.strictEqual(how, "resumed")
      assert.isDefined(endpoint.url)
    })
  )

  within(chat)("cookbook: messages API", (stage) =>
    Effect.gen(function* () {
      const { name } = yield* stage.create(chat)
      const response = yield* post(stage, yield* stage.ready(name), "/v1/chat/completions", {
        model: "tgi",
        messages: [{ role: "user", content: "Please write a short poem about open source for me." }],
        temperature: 0.2,
        max_tokens: 20,
        seed: 42
      })
      assert.strictEqual(response.status, 200)
      const { choices, object, usage } = Object(yield* response.json)
      assert.strictEqual(object, "chat.completion")
      assert.deepInclude(choices[0].message, { role: "assistant" })
      assert.isNotEmpty(choices[0].message.content)
      assert.isAtMost(usage.completion_tokens, 20)
    })
  )

  within(diffusion)("cookbook: text to image, as bytes", (stage) =>
    Effect.gen(function* () {
      const { name } = yield* stage.create(diffusion)
      const body = { inputs: "Astronaut riding a horse", parameters: { num_inference_steps: 1 } }
      const response = yield* post(stage, yield* stage.ready(name), "/", body, "image/png")
      assert.strictEqual(response.status, 200)
      const bytes = new Uint8Array(yield* response.arrayBuffer)
      const kind = magic.find(([, start]) => start.every((byte, at) => bytes[at] === byte))
      assert.include(response.headers["content-type"], kind?.[0] ?? "an image")
    })
  )
}
