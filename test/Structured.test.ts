/** Answers of a given shape, and answers that were cut off: on the emulator's engines, and on servers that follow a script. */
import { assert, describe, it } from "@effect/vitest"
import {
  Batch,
  Fault,
  Job,
  type ManagedEndpoint,
  type Outcome,
  StructuredOutput,
  Truncation,
  withEndpoint
} from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import type { Engine } from "@stint/emulator"
import { Effect, Logger, Result, Schema, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import * as World from "./batchWorld.ts"

const images = {
  vLLM: { vLLM: { url: "vllm/vllm-openai:v0.11.0", port: 8000 } },
  tgi: { tgi: { url: "ghcr.io/huggingface/text-generation-inference:3.3.6" } },
  llamacpp: {
    llamacpp: {
      modelPath: "m.gguf",
      ctxSize: 4096,
      nParallel: 4,
      threadsHttp: 4,
      url: "ghcr.io/ggml-org/llama.cpp:server"
    }
  }
}

const on = (image: keyof typeof images): ManagedEndpoint.Options => ({
  name: World.name,
  spec: EndpointSpec.make({
    repository: "acme/talker",
    task: "text-generation",
    accelerator: "cpu",
    vendor: "aws",
    region: "us-east-1",
    instanceType: "intel-spr",
    instanceSize: "x1",
    image: images[image]
  })
})

const Message = Schema.Struct({ role: Schema.String, content: Schema.Json })
const Asked = Schema.StructWithRest(
  Schema.Struct({
    messages: Schema.optionalKey(Schema.Array(Message)),
    response_format: Schema.optionalKey(Schema.Json),
    max_tokens: Schema.optionalKey(Schema.Int),
    inputs: Schema.optionalKey(Schema.String),
    parameters: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json))
  }),
  [Schema.Record(Schema.String, Schema.Json)]
)
type Asked = typeof Asked.Type
const decodeAsked = Schema.decodeUnknownEffect(Schema.fromJsonString(Asked))

/** What a server says to a request; `nth` counts them from 0. */
type Script = (asked: Asked, nth: number) => HttpServerResponse.HttpServerResponse

const says = (content: string | null, finish_reason = "stop", tokens = 5) =>
  HttpServerResponse.jsonUnsafe({
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason }],
    usage: { prompt_tokens: 10, completion_tokens: tokens, total_tokens: 10 + tokens }
  })

const talker = (script: Script) => {
  const asked: Array<Asked> = []
  const engine: Engine.Engine = {
    name: "talker",
    healthRoute: "/health",
    handle: (request) =>
      request.method === "GET"
        ? Effect.succeed(HttpServerResponse.jsonUnsafe({ data: [{ id: "acme/talker" }] }))
        : Effect.gen(function* () {
            const body = yield* Effect.orDie(Effect.flatMap(request.text, decodeAsked))
            asked.push(body)
            return script(body, asked.length - 1)
          }).pipe(Effect.orDie)
  }
  return { engine, asked }
}

/** The outcomes of a job over some words, in their order. */
const outcomes = <Out, E>(
  job: Job.Job<string, Out, E>,
  words: ReadonlyArray<string>,
  options = on("vLLM"),
  batch: Batch.Options = {}
) =>
  World.inTime(
    Effect.scoped(
      Effect.gen(function* () {
        const all = yield* withEndpoint(options, () =>
          Stream.fromIterable(words).pipe(Batch.stream(job, batch), Stream.runCollect)
        )
        const order = new Map(words.map((word, at) => [word, at]))
        return all.toSorted((a, b) => (order.get(a.key) ?? 0) - (order.get(b.key) ?? 0))
      })
    )
  )

const first = <Out, E>(all: ReadonlyArray<Outcome<string, Out, E>>) => {
  const [outcome] = all
  return outcome ?? assert.fail("nothing came of it")
}

const errorOf = <Out, E>(all: ReadonlyArray<Outcome<string, Out, E>>) => {
  const outcome = first(all)
  return outcome._tag === "Failed" ? outcome.error : assert.fail(`it is ${outcome._tag}`)
}

const outputOf = <Out, E>(all: ReadonlyArray<Outcome<string, Out, E>>) => {
  const outcome = first(all)
  return outcome._tag === "Succeeded" ? outcome.output : assert.fail(JSON.stringify(outcome))
}

const City = Schema.Struct({
  name: Schema.String,
  people: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
})
const city = Job.object({ key: (word: string) => word, prompt: (word) => word, schema: City })
const good = '{"name":"Oslo","people":7}'
const oslo = { name: "Oslo", people: 7 }

describe("an answer of a given shape", () => {
  for (const image of ["vLLM", "tgi", "llamacpp"] as const) {
    it.effect(`is made by the emulator's ${image}, which takes the schema`, () =>
      Effect.gen(function* () {
        const all = yield* outcomes(city, ["a", "b"], on(image))
        for (const outcome of all) {
          assert.strictEqual(outcome._tag, "Succeeded", JSON.stringify(outcome))
          if (outcome._tag === "Succeeded") assert.isTrue(Schema.is(City)(outcome.output))
        }
        assert.lengthOf(yield* World.inferences, 2)
      }).pipe(Effect.provide(World.world({ engines: undefined })))
    )
  }

  it.effect("that is nested without end fails its row, and the others go on", () =>
    Effect.gen(function* () {
      const anything = Job.object({
        key: (word: string) => word,
        prompt: (word) => word,
        schema: Schema.Json
      })
      const deep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`
      const { engine } = talker((asked) => says(JSON.stringify(asked.messages).includes("bad") ? deep : good))
      const all = yield* outcomes(anything, ["bad", "fine"]).pipe(Effect.provide(World.world({ engine })))
      assert.deepStrictEqual(
        all.map(({ _tag }) => _tag),
        ["Failed", "Succeeded"]
      )
    })
  )

  it.effect("is asked for by a closed schema, in the words of the engine", () =>
    Effect.gen(function* () {
      const schema = {
        type: "object",
        properties: {
          name: { type: "string" },
          people: { type: "integer", minimum: 1, description: "an integer" }
        },
        required: ["name", "people"],
        additionalProperties: false
      }
      const vllm = talker(() => says(good))
      yield* outcomes(city, ["a"]).pipe(Effect.provide(World.world({ engine: vllm.engine })))
      assert.deepStrictEqual(vllm.asked[0]?.response_format, {
        type: "json_schema",
        json_schema: { name: "object", strict: true, schema }
      })
      const tgi = talker(() => says(good))
      yield* outcomes(city, ["a"], on("tgi")).pipe(Effect.provide(World.world({ engine: tgi.engine })))
      assert.deepStrictEqual(tgi.asked[0]?.response_format, { type: "json", value: schema })
    })
  )

  it("calls a schema strict only where every object has all its members", () => {
    const loose = StructuredOutput.make(
      Schema.Struct({ a: Schema.Struct({ b: Schema.optionalKey(Schema.Int) }) })
    )
    assert.isFalse(loose.isStrict)
    assert.isTrue(StructuredOutput.make(City).isStrict)
  })

  it("has an object at the root of a recursive schema, and its definitions beside it", () => {
    interface Tree {
      readonly children: ReadonlyArray<Tree>
    }
    const Tree = Schema.Struct({ children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree)) })
    const { jsonSchema } = StructuredOutput.make(Tree)
    assert.strictEqual(jsonSchema["type"], "object")
    assert.isDefined(jsonSchema["$defs"])
  })

  for (const [how, said] of [
    ["alone", good],
    ["in a code fence", "```json\n" + good + "\n```"],
    ["in a fence with prose around it", "Here it is:\n\n```json\n" + good + "\n```\nAnything else?"],
    ["with prose before and after it", `Sure! ${good} I hope that helps.`],
    ["after what it thought", `<think>maybe {"name": 1}?</think>\n${good}`]
  ] as const) {
    it.effect(`is read ${how}`, () => {
      const { asked, engine } = talker(() => says(said))
      return Effect.gen(function* () {
        assert.deepStrictEqual(outputOf(yield* outcomes(city, ["a"])), oslo)
        assert.lengthOf(asked, 1)
      }).pipe(Effect.provide(World.world({ engine })))
    })
  }

  it("is not taken out of two, out of a broken one, or out of a part of one", () => {
    const Tree = Schema.Struct({ name: Schema.String, children: Schema.Array(Schema.Json) })
    const { read } = StructuredOutput.make(Tree)
    const leaf = '{"name":"leaf","children":[]}'
    for (const said of [
      `${leaf} or ${leaf}`,
      `{"name":"root","children":[${leaf}],}`,
      `{"name":"root","children":[${leaf}]`,
      `{"name":"root","md":"\n\`\`\`json\n${leaf}\n\`\`\`"}`,
      `[${leaf}]`,
      ""
    ]) {
      assert.isTrue(Result.isFailure(read(said)), said)
    }
    assert.isTrue(Result.isSuccess(read(`A leaf: ${leaf}`)))
  })

  it("has no member that the schema does not name", () => {
    const said = StructuredOutput.make(City).read('{"name":"Oslo","people":7,"mayor":"x"}')
    assert.isTrue(Result.isFailure(said) && said.failure.join().includes("mayor"))
  })

  const Shape = Schema.Struct({
    kind: Schema.Literals(["a", "b"]),
    text: Schema.String,
    numbers: Schema.Array(Schema.Finite),
    inner: Schema.NullOr(Schema.Struct({ yes: Schema.Boolean, more: Schema.optionalKey(Schema.String) }))
  })
  const shape = StructuredOutput.make(Shape)
  const encode = Schema.encodeSync(Schema.fromJsonString(Shape))

  it.effect.prop(
    "decodes to what was written or not at all, whatever stands around it",
    { value: Shape, before: Schema.String, after: Schema.String },
    ({ value, before, after }) =>
      Effect.sync(() => {
        const read = shape.read(`${before}${encode(value)}${after}`)
        if (Result.isSuccess(read)) assert.deepStrictEqual(encode(read.success), encode(value))
        if (!/[{}[\]]|<\/think>/.test(before + after)) assert.isTrue(Result.isSuccess(read))
      })
  )

  it.effect.prop(
    "never decodes a beginning or an end of what was written",
    { value: Shape, at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 })) },
    ({ value, at }) =>
      Effect.sync(() => {
        const text = encode(value)
        const cut = 1 + (at % (text.length - 1))
        assert.isTrue(Result.isFailure(shape.read(text.slice(0, cut))), text.slice(0, cut))
        assert.isTrue(Result.isFailure(shape.read(text.slice(cut))), text.slice(cut))
      })
  )
})

describe("an answer that does not fit", () => {
  it.effect("is asked for once more, with what does not fit, and the tokens of both asks are counted", () => {
    const { asked, engine } = talker((_, nth) => says(nth === 0 ? '{"name":"Oslo","people":0}' : good))
    return Effect.gen(function* () {
      const all = yield* outcomes(city, ["a"])
      assert.deepStrictEqual(outputOf(all), oslo)
      assert.strictEqual(first(all).attempts, 1)
      const output = outputOf(all)
      assert.deepStrictEqual(city.usage?.(output), { inputTokens: 20, outputTokens: 10 })
      const again = asked[1]?.messages ?? []
      assert.deepStrictEqual(
        again.map(({ role }) => role),
        ["user", "assistant", "user"]
      )
      assert.include(JSON.stringify(again.at(-1)?.content), "people")
    }).pipe(Effect.provide(World.world({ engine })))
  })

  it.effect.prop(
    "costs exactly one ask and the re-asks, and then the row fails and says why",
    { reasks: Schema.Literals([0, 1, 2, 3]) },
    ({ reasks }) => {
      const { asked, engine } = talker(() => says(`no ${"x".repeat(1000)}`))
      const job = Job.object({ key: (word: string) => word, prompt: (word) => word, schema: City, reasks })
      return Effect.gen(function* () {
        const error = errorOf(yield* outcomes(job, ["a"]))
        assert.lengthOf(asked, 1 + reasks)
        if (!(error instanceof StructuredOutput.Mismatch)) return assert.fail(error.message)
        assert.strictEqual(error.asks, 1 + reasks)
        assert.strictEqual(error.problem, "there is no JSON in it")
        assert.isAtMost(error.said.length, 200)
      }).pipe(Effect.provide(World.world({ engine })))
    },
    { arbitrary: { runs: 8 } }
  )

  it.effect("never shows the token that a server has echoed", () => {
    const { engine } = talker(() => says("who sends hf_emulator?"))
    return Effect.gen(function* () {
      const error = errorOf(yield* outcomes(city, ["a"]))
      assert.notInclude(error.message, "hf_emulator")
    }).pipe(Effect.provide(World.world({ engine, token: "hf_emulator" })))
  })
})

const Log = (lines: Array<string>) =>
  Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])

describe("an engine that takes no schema", () => {
  for (const [engine, refusal] of [
    ["vLLM", { error: { message: "response_format is not supported", type: "BadRequestError", code: 400 } }],
    ["TGI", { error: "Input validation error: grammar is not supported", error_type: "validation" }]
  ] as const) {
    it.effect(`is asked by prompt from then on, and it is said once (${engine})`, () => {
      const server = talker((asked) =>
        asked.response_format === undefined
          ? says(good)
          : World.refusal(engine === "TGI" ? 422 : 400, refusal)
      )
      const lines: Array<string> = []
      return Effect.gen(function* () {
        const all = yield* outcomes(city, World.words(20), on("vLLM"), {})
        assert.isTrue(all.every(({ _tag }) => _tag === "Succeeded"))
        assert.lengthOf(
          lines.filter((line) => line.includes("does not take a schema")),
          1
        )
        const system = server.asked.at(-1)?.messages?.[0]
        assert.strictEqual(system?.role, "system")
        assert.include(JSON.stringify(system?.content), "additionalProperties")
        const late = yield* outcomes(city, ["late"])
        assert.deepStrictEqual(outputOf(late), oslo)
      }).pipe(Effect.provide([World.world({ engine: server.engine }), Log(lines)]))
    })
  }

  it.effect("is not taken for one when the row is refused without the schema too", () => {
    const server = talker((asked) =>
      JSON.stringify(asked.messages).includes("bad")
        ? World.refusal(400, { error: "your grammar is bad" })
        : says(good)
    )
    return Effect.gen(function* () {
      const all = yield* outcomes(city, ["bad", "good"])
      const error = errorOf(all)
      assert.isTrue(error instanceof Fault.Fault && error.reason === "row")
      assert.isDefined(server.asked.at(-1)?.response_format ?? server.asked.at(-2)?.response_format)
      const later = yield* outcomes(city, ["good"])
      assert.deepStrictEqual(outputOf(later), oslo)
      assert.isDefined(server.asked.at(-1)?.response_format)
    }).pipe(Effect.provide(World.world({ engine: server.engine })))
  })
})

describe("an answer that was cut off", () => {
  const chat = (options: Partial<Parameters<typeof Job.chat<string>>[0]> = {}) =>
    Job.chat({
      key: (word: string) => word,
      messages: (word) => [{ role: "user", content: word }],
      ...options
    })
  const cutOff = talker(() => says("half a", "length", 16))

  it.effect("fails where the engine's own limit has cut it", () =>
    Effect.gen(function* () {
      const error = errorOf(yield* outcomes(chat(), ["a"]))
      if (!(error instanceof Truncation.Truncated)) return assert.fail(error.message)
      assert.strictEqual(error.outputTokens, 16)
      assert.include(error.message, "max_tokens")
    }).pipe(Effect.provide(World.world({ engine: cutOff.engine })))
  )

  it.effect("is kept where the request names its limit, and told of", () => {
    const kept: Array<string> = []
    const job = chat({ parameters: { max_tokens: 16 }, onKept: (word) => Effect.sync(() => kept.push(word)) })
    return Effect.gen(function* () {
      assert.strictEqual(outputOf(yield* outcomes(job, ["a"])), "half a")
      assert.deepStrictEqual(kept, ["a"])
    }).pipe(Effect.provide(World.world({ engine: cutOff.engine })))
  })

  it.effect("fails where it is told to, with a limit as well", () =>
    Effect.gen(function* () {
      const job = chat({ parameters: { max_tokens: 16 }, onLength: "fail" })
      assert.instanceOf(errorOf(yield* outcomes(job, ["a"])), Truncation.Truncated)
    }).pipe(Effect.provide(World.world({ engine: cutOff.engine })))
  )

  for (const [limit, expected] of [
    [undefined, 64],
    [40, 40]
  ] as const) {
    it.effect(`is asked for again once, with ${expected} tokens`, () => {
      const server = talker(({ max_tokens = 16 }) =>
        max_tokens >= 40 ? says("a whole text", "stop", 20) : says("half a", "length", 16)
      )
      const job = chat({ parameters: { max_tokens: 16 }, onLength: { retryWith: { factor: 4, limit } } })
      return Effect.gen(function* () {
        assert.strictEqual(outputOf(yield* outcomes(job, ["a"])), "a whole text")
        assert.deepStrictEqual(
          server.asked.map(({ max_tokens }) => max_tokens),
          [16, expected]
        )
      }).pipe(Effect.provide(World.world({ engine: server.engine })))
    })
  }

  it.effect("is asked for again once and no more", () => {
    const server = talker(() => says("half a", "length", 16))
    const job = chat({ onLength: { retryWith: {} } })
    return Effect.gen(function* () {
      assert.instanceOf(errorOf(yield* outcomes(job, ["a"])), Truncation.Truncated)
      assert.lengthOf(server.asked, 2)
    }).pipe(Effect.provide(World.world({ engine: server.engine })))
  })

  it.effect("is no object, however well it parses, and is not asked for again", () => {
    const server = talker(() => says(good, "length", 16))
    return Effect.gen(function* () {
      assert.instanceOf(errorOf(yield* outcomes(city, ["a"])), Truncation.Truncated)
      assert.lengthOf(server.asked, 1)
    }).pipe(Effect.provide(World.world({ engine: server.engine })))
  })

  it.effect("of a model that still thinks fails too, and a model that gave up is asked again", () => {
    const server = talker((asked, nth) =>
      JSON.stringify(asked).includes("think")
        ? says(null, "length")
        : nth < 3
          ? says("ab", "abort")
          : says("done")
    )
    return Effect.gen(function* () {
      const [thinking, aborted] = yield* outcomes(chat({ parameters: { max_tokens: 5 } }), ["think", "a"])
      assert.strictEqual(thinking?._tag, "Failed")
      assert.isTrue(aborted?._tag === "Succeeded" && aborted.output === "done")
    }).pipe(Effect.provide(World.world({ engine: server.engine })))
  })

  for (const image of ["vLLM", "tgi", "llamacpp"] as const) {
    it.effect(`is noticed on the emulator's ${image}, for chats and for texts`, () =>
      Effect.gen(function* () {
        const limit = image === "tgi" ? { max_new_tokens: 2 } : { max_tokens: 2 }
        const text = Job.generate({
          key: (w: string) => w,
          prompt: (w) => w,
          parameters: limit,
          onLength: "fail"
        })
        const talk = chat({ parameters: { max_tokens: 2 }, onLength: "fail" })
        const long = Job.generate({
          key: (w: string) => w,
          prompt: (w) => w,
          parameters: limit,
          onLength: { retryWith: { factor: 16, limit: 3 } }
        })
        for (const job of [text, talk, long]) {
          const error = errorOf(yield* outcomes(job, ["the history of the sea"], on(image)))
          assert.instanceOf(error, Truncation.Truncated, `${image} ${job.name}: ${error.message}`)
        }
      }).pipe(Effect.provide(World.world({ engines: undefined })))
    )
  }

  it("has another fingerprint only where another answer would do", () => {
    const print = (job: Job.Job<string, string, unknown>) => JSON.stringify(job.fingerprint("a"))
    assert.strictEqual(print(chat()), print(chat({ onLength: "fail" })))
    assert.strictEqual(print(chat()), print(chat({ onLength: { retryWith: {} } })))
    assert.notStrictEqual(print(chat()), print(chat({ onLength: "keep" })))
    const limited = { parameters: { max_tokens: 5 } }
    assert.strictEqual(print(chat(limited)), print(chat({ ...limited, onLength: "keep" })))
    assert.notStrictEqual(print(chat(limited)), print(chat({ ...limited, onLength: "fail" })))
    const other = Job.object({ key: (w: string) => w, prompt: (w) => w, schema: Schema.Struct({}) })
    assert.notDeepEqual(city.fingerprint("a"), other.fingerprint("a"))
  })

  it("goes by the names of the engines", () => {
    for (const reason of ["length", "LENGTH", "max_tokens", "model_length"])
      assert.isTrue(Truncation.isCut(reason))
    for (const reason of ["stop", "eos_token", "stop_sequence", "tool_calls", null, undefined])
      assert.isFalse(Truncation.isCut(reason))
  })
})

describe("a JSON Schema", () => {
  const read = (schema: Schema.Json, said: string) =>
    Effect.map(StructuredOutput.fromJsonSchema(schema), (output) => Result.isSuccess(output.read(said)))

  it.effect("is checked in full", () =>
    Effect.gen(function* () {
      const schema = {
        type: "object",
        properties: { a: { type: "integer", minimum: 1 }, b: { type: "string", pattern: "^x" } },
        required: ["a"],
        additionalProperties: false
      }
      assert.isTrue(yield* read(schema, '{"a":1,"b":"xy"}'))
      for (const said of ['{"a":0}', '{"a":1,"b":"y"}', '{"a":1,"c":1}', '{"b":"x"}', "[]"])
        assert.isFalse(yield* read(schema, said), said)
    })
  )

  it.effect("of draft-07 is read as what it is", () =>
    Effect.gen(function* () {
      const schema = { $ref: "#/definitions/A", definitions: { A: { type: "string" } } }
      assert.isTrue(yield* read({ type: "object", properties: { a: schema.definitions.A } }, '{"a":"x"}'))
      assert.isTrue(yield* read(schema, '"x"'))
      assert.isFalse(yield* read(schema, "1"))
    })
  )

  it.effect("that refers to itself, with nothing in between, is refused before it is used", () =>
    Effect.gen(function* () {
      const a = { $ref: "#/$defs/a" }
      for (const schema of [
        { ...a, $defs: { a } },
        { type: "object", properties: { x: a }, $defs: { a: { $ref: "#/$defs/b" }, b: a } },
        { ...a, $defs: { a: { anyOf: [{ type: "null" }, { allOf: [a] }] } } }
      ]) {
        const error = yield* Effect.flip(StructuredOutput.fromJsonSchema(schema))
        assert.match(error.message, /refers to itself/)
      }
      const tree = { ...a, $defs: { a: { type: "object", properties: { x: a } } } }
      assert.isTrue(yield* read(tree, '{"x":{"x":{}}}'))
      assert.isFalse(yield* read(tree, '{"x":{"x":1}}'))
    })
  )

  it.effect("never takes a number that loses digits for a good one", () =>
    Effect.gen(function* () {
      const output = yield* StructuredOutput.fromJsonSchema({
        type: "object",
        properties: { n: { type: "integer" } }
      })
      for (const said of ['{"n":12345678901234567890}', 'So:\n```json\n{"n":12345678901234567890}\n```']) {
        const read = output.read(said)
        assert.deepStrictEqual(Result.isFailure(read) ? read.failure : read.success, [
          "n: a number this long loses digits: write it as text"
        ])
      }
      assert.isTrue(Result.isSuccess(output.read('{"n":9007199254740991}')))
    })
  )

  it.effect("takes answers that are 512 deep, and none that is deeper", () =>
    Effect.gen(function* () {
      const list = { $ref: "#/$defs/l", $defs: { l: { type: "array", items: { $ref: "#/$defs/l" } } } }
      for (const schema of [list, { type: "array" }, {}]) {
        for (const [depth, isTaken] of [
          [512, true],
          [513, false],
          [50_000, false]
        ] as const) {
          const said = "[".repeat(depth) + "]".repeat(depth)
          assert.strictEqual(yield* read(schema, said), isTaken, `${JSON.stringify(schema)} ${depth}`)
        }
      }
    })
  )

  it.effect("that cannot be checked, or is none, is refused", () =>
    Effect.gen(function* () {
      for (const schema of [
        { type: "strnig" },
        { type: "object", properties: 3 },
        { type: "object", properties: { a: { type: "object", required: "b" } } },
        { type: "object", not: { type: "null" } },
        { not: {} },
        { if: { type: "string" }, else: { minimum: 1 } },
        { $ref: "https://example.com/schema.json" },
        []
      ]) {
        const error = yield* Effect.flip(StructuredOutput.fromJsonSchema(schema))
        assert.strictEqual(error._tag, "SchemaRefused", JSON.stringify(schema))
      }
    })
  )
})
