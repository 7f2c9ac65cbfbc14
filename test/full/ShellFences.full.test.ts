/**
 * The shell fences of the documentation, run as a reader would: file by file, from top to bottom, by a real shell, with the
 * real command, on an emulator. What cannot be run so is marked: see ../shellFences.ts.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Dataset, Emulator } from "@stint/emulator"
import { Effect, FileSystem, Layer, Path, Redacted, Schema, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { ChildProcess } from "effect/process"
import * as Postgres from "../postgres/server.ts"
import { shellFencesOf } from "../shellFences.ts"

const embedder = {
  repository: "intfloat/e5-small",
  task: "feature-extraction",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
}

const chat = {
  ...embedder,
  repository: "HuggingFaceTB/SmolLM2-1.7B-Instruct",
  task: "text-generation",
  accelerator: "gpu",
  instanceType: "nvidia-l4",
  image: { vLLM: { url: "vllm/vllm-openai:v0.11.0", port: 8000 } }
}

const schema = {
  type: "object",
  properties: { sentiment: { enum: ["good", "bad"] } },
  required: ["sentiment"],
  additionalProperties: false
}

const json = Schema.encodeSync(Schema.fromJsonString(Schema.Json))

/** What a page takes for granted beside that: endpoints, a run that is over, a database; and what is awake before and after it. */
interface Page {
  readonly endpoints?: Readonly<Record<string, typeof embedder | typeof chat>>
  readonly before?: string
  readonly hasDatabase?: boolean
  readonly running?: ReadonlyArray<string>
}

const pages: Readonly<Record<string, Page>> = {
  "docs/input.md": { endpoints: { "batch-embed": embedder } },
  "docs/endpoints.md": {
    endpoints: { "batch-embed": embedder, llama: chat },
    // It stops them, and starts them anew.
    running: ["batch-embed", "llama"]
  },
  "docs/guides/on-a-cluster.md": { hasDatabase: true },
  "docs/report.md": {
    endpoints: { "batch-embed": embedder },
    before: "stint run rows.jsonl --endpoint batch-embed --job embed --out results"
  }
}

/** Whoever reads it has a browser, which is not to be started here. */
const openers = ["xdg-open", "open"]

/** What the documentation takes for granted: inputs, specs, and endpoints that sleep. */
const prepare = Effect.fnUntraced(function* (folder: string, file: string) {
  const fs = yield* FileSystem.FileSystem
  const endpoints = yield* Endpoints.Endpoints
  const rows = ["the sea at night", "a small boat", "the price of fish"]
  const files = {
    "rows.jsonl": rows.map((input, i) => `${json({ id: `row-${i}`, input })}\n`).join(""),
    "rows.csv": `doc,lang,text\n${rows.map((text, i) => `${i},English,${text}\n`).join("")}`,
    "review.json": json(schema),
    "endpoint.json": json(file === "docs/plan.md" ? chat : embedder)
  }
  for (const [name, text] of Object.entries(files)) yield* fs.writeFileString(`${folder}/${name}`, text)
  const all = { batch: chat, "batch-chat": chat, ...pages[file]?.endpoints }
  for (const [name, spec] of Object.entries(all)) {
    yield* endpoints.create(name, yield* EndpointSpec.fromJson(spec))
    if (pages[file]?.running?.includes(name)) yield* endpoints.awaitReady(name)
    else yield* endpoints.pause(name)
  }
  yield* fs.makeDirectory(`${folder}/bin`)
  for (const name of openers) {
    yield* fs.writeFileString(`${folder}/bin/${name}`, "#!/bin/sh\n")
    yield* fs.chmod(`${folder}/bin/${name}`, 0o755)
  }
})

const runFile = Effect.fn(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { endpoints, namespace, token, urls } = yield* Emulator.Emulator
  const text = yield* fs.readFileString(file)
  const fences = shellFencesOf(file, text).filter(({ isElsewhere }) => !isElsewhere)
  const folder = yield* fs.makeTempDirectoryScoped()
  yield* prepare(folder, file)
  const database = pages[file]?.hasDatabase === true ? Redacted.value(yield* Postgres.database) : undefined

  const bin = path.resolve("packages/cli/src/bin.ts")
  const script = [
    `stint() { "${process.execPath}" "${bin}" "$@"; }`,
    'PATH="$HOME/bin:$PATH"',
    pages[file]?.before ?? ":",
    ...fences.map(({ code }) => code.replaceAll("npm run -s stint --", "stint"))
  ]
    .join("\n")
    .replaceAll("127.0.0.1:8377", urls.hub.host)

  const handle = yield* ChildProcess.make("sh", ["-eu", "-c", script], {
    cwd: folder,
    extendEnv: true,
    env: {
      HOME: folder,
      HF_TOKEN: Redacted.value(token),
      HF_ENDPOINT: urls.hub.href,
      HF_ENDPOINTS_NAMESPACE: namespace,
      STINT_API_URL: urls.management.href,
      STINT_CATALOG_URL: urls.catalog.href,
      STINT_DATABASE_URL: database
    }
  })
  const said = yield* Stream.mkString(Stream.decodeText(handle.all))
  assert.strictEqual(yield* handle.exitCode, 0, `${file}\n${said}`)
  const running = pages[file]?.running ?? []
  for (const { name, state } of yield* endpoints) {
    if (!running.includes(name)) assert.strictEqual(state, "paused", `${file}: ${name}`)
  }
})

const world = Layer.provideMerge(
  Emulator.layerEndpoints,
  Layer.provideMerge(
    Layer.unwrap(
      Effect.map(Dataset.definitions, (dataset) =>
        Emulator.layerServer({ boot: "300 millis", datasets: { "acme/reviews": dataset } })
      )
    ),
    Layer.merge(FetchHttpClient.layer, NodeServices.layer)
  )
)

const files = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const under = (folder: string) =>
    Effect.map(fs.readDirectory(folder, { recursive: true }), (names) =>
      names.map((name) => `${folder}/${name}`)
    )
  const packages = yield* fs.readDirectory("packages")
  const sources = yield* Effect.forEach(["docs", ...packages.map((name) => `packages/${name}/src`)], under)
  const all = [
    "README.md",
    ...sources.flat().filter((file) => /\.(?:md|ts)$/.test(file)),
    ...packages.map((name) => `packages/${name}/README.md`)
  ]
  return yield* Effect.filter(all, (file) =>
    Effect.map(fs.readFileString(file), (text) =>
      shellFencesOf(file, text).some(({ isElsewhere }) => !isElsewhere)
    )
  )
})

describe("the shell fences of the documentation", () => {
  it.live("do what they say", () =>
    Effect.gen(function* () {
      const found = yield* files
      assert.isAbove(found.length, 9)
      yield* Effect.forEach(found, (file) => runFile(file).pipe(Effect.scoped, Effect.provide(world)), {
        concurrency: 2,
        discard: true
      })
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
