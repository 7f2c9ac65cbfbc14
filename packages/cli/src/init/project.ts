/**
 * The files of a small project: what is written is compiled and run by a test.
 */
import { version } from "../version.ts"

/** What a project can be for, by the API's names. */
export const tasks = ["feature-extraction", "text-classification", "text-generation"] as const

/** What a project is for. */
export type Task = (typeof tasks)[number]

/** What a project is made of. */
export interface Choice {
  readonly task: Task
  readonly model: string
  /** The name of the endpoint, of the package and of the folder. */
  readonly name: string
}

const cpu = { accelerator: "cpu", instanceType: "intel-spr", instanceSize: "x2" } as const
const gpu = { accelerator: "gpu", instanceType: "nvidia-l4", instanceSize: "x1" } as const

interface Kind {
  /** A small model that many know. */
  readonly model: string
  readonly job: "embed" | "classify" | "chat"
  readonly hardware: typeof cpu | typeof gpu
  readonly image: Readonly<Record<string, Readonly<Record<string, string | number>>>> | undefined
  /** The last argument of the job, in program.ts. */
  readonly input: string
  readonly inputs: ReadonlyArray<string>
  readonly does: string
}

const kinds: Readonly<Record<Task, Kind>> = {
  "feature-extraction": {
    model: "intfloat/e5-small",
    job: "embed",
    hardware: cpu,
    image: undefined,
    input: "text: (row) => row.input",
    inputs: ["the sea at night", "a small boat", "the price of fish"],
    does: "Embeds"
  },
  "text-classification": {
    model: "huggingface/CodeBERTa-language-id",
    job: "classify",
    hardware: cpu,
    image: { tei: { url: "ghcr.io/huggingface/text-embeddings-inference:cpu-1.8" } },
    input: "text: (row) => row.input",
    inputs: ["print('hello')", "fmt.Println(1 + 2)", "<?php echo 1;"],
    does: "Classifies"
  },
  "text-generation": {
    model: "HuggingFaceTB/SmolLM2-1.7B-Instruct",
    job: "chat",
    hardware: gpu,
    image: { vLLM: { url: "vllm/vllm-openai:v0.11.0", port: 8000, healthRoute: "/health" } },
    input:
      'messages: (row) => [{ role: "user", content: row.input }],\n  parameters: { max_tokens: 100, temperature: 0 }',
    inputs: ["Name three harbours.", "What is a sloop?", "Why is the sea salty?"],
    does: "Answers"
  }
}

/** The model of a task where none is named. */
export const modelOf = (task: Task): string => kinds[task].model

/** A name that the API takes: 1 to 32 lowercase letters, digits and hyphens. */
export const nameOf = (folder: string): string =>
  folder
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 32)
    .replace(/^-+|-+$/g, "") || "batch"

const json = (value: object) => `${JSON.stringify(value, undefined, 2)}\n`

const program = ({ name }: Choice, { does, input, job }: Kind) => `/**
 * ${does} rows.jsonl on an endpoint that is awake for it, and paused after it whatever happens.
 *
 * Started again, it does what is left: results/journal.jsonl knows what is done.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Batch, Job, Journal, Sink, Source } from "@stint/batch"
import { LeaseRecords, UndiciClient } from "@stint/batch/node"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Console, Effect, FileSystem, Layer, Schema } from "effect"

const Row = Schema.Struct({ id: Schema.String, input: Schema.String })

const job = Job.${job}({
  key: (row: typeof Row.Type) => row.id,
  ${input}
})

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString("endpoint.json")
  const json = yield* Schema.decodeEffect(Schema.fromJsonString(Schema.Json))(text)
  const spec = yield* EndpointSpec.fromJson(json)

  // The whole file is checked before anything is woken.
  const { items } = Source.checked("rows.jsonl", Row, { key: (row) => row.id })
  yield* fs.makeDirectory("results", { recursive: true })
  yield* Effect.gen(function* () {
    const report = yield* items.pipe(Batch.runOn({ name: "${name}", spec, maxCost: 1 }, job))
    yield* Sink.results("results")
    yield* Console.log(\`\${report.succeeded} done, \${report.failed} failed, \${report.skipped} done before\`)
  }).pipe(Effect.provide(Journal.layerFile("results/journal.jsonl")))
})

// HF_TOKEN, or the file that "hf auth login" writes. A guardian pauses the endpoint when this process is killed.
const live = Layer.mergeAll(Endpoints.layerConfig(), LeaseRecords.layerConfig())

NodeRuntime.runMain(
  program.pipe(Effect.provide(live.pipe(Layer.provideMerge([UndiciClient.layerConfig(), NodeServices.layer]))))
)
`

const readme = ({ model, name, task }: Choice, { does, job }: Kind) => `# ${name}

${does} the rows of \`rows.jsonl\` with ${model} on a Hugging Face Inference Endpoint. The
endpoint is created or resumed for the run, and paused after it.

\`\`\`sh
npm install        # once
npx stint doctor   # is the token there, and may it?
npx stint run rows.jsonl
\`\`\`

The last one takes \`--endpoint ${name} --spec endpoint.json --job ${job} --out out --max-cost 1\`
from \`stint.json\`. \`npm start\` does it as a program of your own, \`program.ts\`, into \`results\`.

\`endpoint.json\` says what is created (task ${task}, and the hardware). Change it before the
first run; \`npx stint plan rows.jsonl\` tells what it takes.
`

/** The files by name, with the versions that the running packages have. */
export const files = (
  choice: Choice,
  versions: {
    readonly effect: string
    readonly platformNode: string
    readonly nodeTypes: string
    readonly typescript: string
  }
): Readonly<Record<string, string>> => {
  const kind = kinds[choice.task]
  return {
    "package.json": json({
      name: choice.name,
      private: true,
      type: "module",
      scripts: { start: "node program.ts", check: "tsc" },
      dependencies: {
        "@effect/platform-node": versions.platformNode,
        "@stint/batch": version,
        "@stint/cli": version,
        "@stint/core": version,
        effect: versions.effect
      },
      devDependencies: { "@types/node": versions.nodeTypes, typescript: versions.typescript },
      engines: { node: ">=22.19" }
    }),
    "tsconfig.json": json({
      include: ["*.ts"],
      compilerOptions: {
        target: "ES2024",
        lib: ["ES2024", "ESNext.Disposable"],
        module: "NodeNext",
        types: ["node"],
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        erasableSyntaxOnly: true,
        verbatimModuleSyntax: true,
        allowImportingTsExtensions: true,
        skipLibCheck: true,
        noEmit: true
      }
    }),
    "program.ts": program(choice, kind),
    "endpoint.json": json({
      repository: choice.model,
      task: choice.task,
      vendor: "aws",
      region: "us-east-1",
      ...kind.hardware,
      ...(kind.image === undefined ? {} : { image: kind.image })
    }),
    "rows.jsonl": kind.inputs
      .map((input, at) => `${JSON.stringify({ id: `row-${at + 1}`, input })}\n`)
      .join(""),
    "stint.json": json({
      $schema: "./node_modules/@stint/cli/schemas/config.schema.json",
      endpoint: choice.name,
      spec: "endpoint.json",
      job: kind.job,
      out: "out",
      maxCost: 1
    }),
    "README.md": readme(choice, kind),
    ".gitignore": "node_modules/\nout/\nresults/\n"
  }
}
