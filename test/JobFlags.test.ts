/** What the command's flags ask of a model. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import type { Row } from "@stint/batch"
import { Emulator } from "@stint/emulator"
import { Effect, FileSystem, Layer, Option, Path, Redacted, Schema, Stream } from "effect"
import * as JobFlags from "../packages/cli/src/JobFlags.ts"
import * as Stint from "./command/stintProcess.ts"

const nothing: JobFlags.Given = {
  system: Option.none(),
  maxTokens: Option.none(),
  temperature: Option.none(),
  parameters: Option.none(),
  schema: Option.none(),
  onLength: Option.none()
}

const refused = (given: Partial<JobFlags.Given>, kind: Row.Kind = "chat") =>
  Effect.map(Effect.flip(JobFlags.toOptions({ ...nothing, ...given }, kind)), ({ message }) => message)

const city = {
  type: "object",
  properties: { name: { type: "string", minLength: 3 } },
  required: ["name"],
  additionalProperties: false
}

describe("flags of a job", () => {
  it.effect("are refused with the kinds that they are not for", () =>
    Effect.gen(function* () {
      assert.include(yield* refused({ system: Option.some("x") }, "generate"), "--system cannot be used")
      assert.include(
        yield* refused({ maxTokens: Option.some(1) }, "embed"),
        "chat or generate, and this is embed"
      )
      assert.include(yield* refused({ schema: Option.some("x.json") }, "generate"), "--schema")
      const folder = { input: "rows.jsonl", mediaFolder: Option.some(".") }
      assert.include((yield* Effect.flip(JobFlags.folder(folder, "embed"))).message, "--media-folder")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("are refused when they are no JSON, or no schema that can be checked", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const home = yield* fs.makeTempDirectoryScoped()
      const at = path.join(home, "s.json")
      for (const [text, said] of [
        ["{", "it is not JSON"],
        ['{"type": "strnig"}', "type"],
        ['{"if": {"type": "string"}, "then": {"minLength": 1}}', '"if"']
      ] as const) {
        yield* fs.writeFileString(at, text)
        assert.include(yield* refused({ schema: Option.some(at) }), said)
      }
      assert.include(
        yield* refused({ schema: Option.some(path.join(home, "no.json")) }),
        "there is no such file"
      )
      assert.include(yield* refused({ parameters: Option.some("[1]") }), "no JSON object")
      yield* fs.writeFileString(at, JSON.stringify(city))
      assert.include(yield* refused({ schema: Option.some(at), onLength: Option.some("keep") }), "never kept")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("say what the engine is given", () =>
    Effect.gen(function* () {
      const options = yield* JobFlags.toOptions(
        {
          ...nothing,
          parameters: Option.some('{"top_p": 0.5}'),
          temperature: Option.some(0),
          maxTokens: Option.some(5),
          onLength: Option.some("retry")
        },
        "chat"
      )
      assert.deepInclude(options, {
        parameters: { top_p: 0.5, temperature: 0 },
        maxTokens: 5,
        onLength: { retryWith: {} }
      })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  const plain: Row.Row = { id: "1", input: "a" }
  const line: Row.Row = { custom_id: "2", body: {} }

  it.effect("are not for batch lines, which go through without them", () =>
    Effect.gen(function* () {
      const rows = Stream.make(plain, line)
      assert.lengthOf(yield* Stream.runCollect(JobFlags.plainOnly(rows, nothing)), 2)
      const given = { ...nothing, temperature: Option.some(1) }
      const error = yield* Effect.flip(Stream.runDrain(JobFlags.plainOnly(rows, given)))
      assert.include(error.message, "--temperature cannot be used: 2 is a batch line")
    })
  )
})

const Line = Schema.fromJsonString(
  Schema.Struct({ output: Schema.Json, finish_reason: Schema.optionalKey(Schema.String) })
)

describe("stint run --job chat", () => {
  it.live("gives answers that fit the schema, and says how many were cut", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const { namespace, token, urls } = yield* Emulator.Emulator
      const home = yield* fs.makeTempDirectoryScoped()
      const put = (name: string, text: string) =>
        Effect.as(fs.writeFileString(path.join(home, name), text), path.join(home, name))
      const rows = yield* put("rows.jsonl", '{"id":"1","input":"a city"}\n{"id":"2","input":"another"}\n')
      const schema = yield* put("city.json", JSON.stringify(city))
      const spec = yield* put(
        "spec.json",
        JSON.stringify({
          repository: "acme/talker",
          task: "text-generation",
          accelerator: "cpu",
          vendor: "aws",
          region: "us-east-1",
          instanceType: "intel-spr",
          instanceSize: "x1",
          image: { vLLM: { url: "vllm/vllm-openai:v0.11.0", port: 8000 } }
        })
      )
      const env = {
        PATH: process.env["PATH"] ?? "",
        HOME: home,
        HF_TOKEN: Redacted.value(token),
        HF_ENDPOINT: urls.hub.href,
        HF_ENDPOINTS_NAMESPACE: namespace,
        STINT_API_URL: urls.management.href
      }
      const run = Effect.fnUntraced(function* (out: string, ...more: ReadonlyArray<string>) {
        const to = path.join(home, out)
        const args = ["run", rows, "-e", "city", "--spec", spec, "--job", "chat", "-o", to, ...more]
        const stint = yield* Stint.start(args, env)
        assert.deepStrictEqual(yield* stint.end, { code: 0, signal: null }, stint.stderr())
        const text = yield* fs.readFileString(path.join(to, "results.jsonl"))
        const lines = yield* Effect.forEach(text.trim().split("\n"), (line) =>
          Schema.decodeEffect(Line)(line)
        )
        return { lines, stderr: stint.stderr() }
      })
      const fitting = yield* run("fitting", "--schema", schema, "--max-tokens", "100")
      assert.deepStrictEqual(fitting.lines, [{ output: { name: "aaa" } }, { output: { name: "aaa" } }])
      const { lines, stderr } = yield* run("cut", "--max-tokens", "1")
      const cut = lines.filter(({ finish_reason }) => finish_reason === "length").length
      assert.isAbove(cut, 0)
      assert.include(stderr, `${cut} ${cut === 1 ? "answer was" : "answers were"} cut off`)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Emulator.layerServer({ token: "hf_test", namespace: "tester", boot: "300 millis" }).pipe(
          Layer.provideMerge(NodeServices.layer)
        )
      )
    )
  )
})
