import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { EndpointName, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect, FileSystem, Layer, Path, Redacted, Schema, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as ConfigMembers from "../src/ConfigMembers.ts"
import * as Project from "../src/init/project.ts"
import { write } from "../src/init/write.ts"

const parse = Schema.decodeEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json)))

const choice = (task: Project.Task): Project.Choice => ({
  task,
  model: Project.modelOf(task),
  name: "my-batch"
})

/** A command of Node's in a folder: its exit code, and all that it said. */
const run = Effect.fnUntraced(function* (
  cwd: string,
  args: ReadonlyArray<string>,
  env: Record<string, string> = {}
) {
  const child = yield* ChildProcess.make(process.execPath, args, { cwd, env, extendEnv: true })
  return {
    said: yield* Stream.mkString(Stream.decodeText(child.all)),
    code: Number(yield* child.exitCode)
  }
}, Effect.scoped)

describe("stint init", () => {
  it.live("writes programs that compile for every task, and one that runs", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const root = yield* fs.makeTempDirectoryScoped()
      yield* fs.symlink(path.resolve("node_modules"), path.join(root, "node_modules"))
      for (const task of Project.tasks) yield* write(path.join(root, task), choice(task), false)

      // One compiler for all of them, with the options that are written.
      const options = yield* fs.readFileString(path.join(root, "feature-extraction/tsconfig.json"))
      yield* fs.writeFileString(path.join(root, "tsconfig.json"), options.replace("*.ts", "*/program.ts"))
      const tsc = path.resolve("node_modules/typescript/bin/tsc")
      assert.deepStrictEqual(yield* run(root, [tsc]), { code: 0, said: "" })

      const { endpoints, namespace, token, urls } = yield* Emulator.Emulator
      const env = {
        HOME: root,
        HF_TOKEN: Redacted.value(token),
        HF_ENDPOINT: urls.hub.href,
        HF_ENDPOINTS_NAMESPACE: namespace,
        STINT_API_URL: urls.management.href
      }
      const folder = path.join(root, "feature-extraction")
      const ran = yield* run(folder, ["program.ts"], env)
      assert.include(ran.said, "3 done, 0 failed, 0 done before")
      assert.strictEqual(ran.code, 0)
      assert.deepStrictEqual(
        (yield* endpoints).map(({ name, state }) => [name, state]),
        [["my-batch", "paused"]]
      )
      const results = yield* fs.readFileString(path.join(folder, "results/results.jsonl"))
      assert.strictEqual(results.trimEnd().split("\n").length, 3)
    }).pipe(
      Effect.provide(
        Emulator.layerServer({ boot: "200 millis" }).pipe(Layer.provideMerge(NodeServices.layer))
      )
    )
  )

  it.effect("writes over nothing unless it is told to, and names what is there", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${folder}/rows.jsonl`, "mine")
      yield* fs.writeFileString(`${folder}/README.md`, "mine")
      const error = yield* Effect.flip(write(folder, choice("feature-extraction"), false))
      assert.include(error.message, "it has rows.jsonl, README.md already")
      assert.include(error.message, "--force")
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).toSorted(), ["README.md", "rows.jsonl"])
      assert.strictEqual(yield* fs.readFileString(`${folder}/rows.jsonl`), "mine")
      const names = yield* write(folder, choice("feature-extraction"), true)
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).toSorted(), names.toSorted())
      assert.notStrictEqual(yield* fs.readFileString(`${folder}/rows.jsonl`), "mine")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("writes a spec and settings that the command takes, for every task", () =>
    Effect.gen(function* () {
      for (const task of Project.tasks) {
        const versions = { effect: "1", platformNode: "1", nodeTypes: "1", typescript: "1" }
        const files = Project.files({ ...choice(task), model: "acme/own" }, versions)
        const spec = yield* EndpointSpec.fromJson(yield* parse(files["endpoint.json"] ?? ""))
        assert.deepInclude(spec, { repository: "acme/own", task, minReplica: 0 })
        const settings = yield* ConfigMembers.check(yield* parse(files["stint.json"] ?? ""))
        assert.deepInclude(settings, { endpoint: "my-batch", spec: "endpoint.json", maxCost: 1 })
      }
    })
  )

  it.effect.prop(
    "makes a name that the API takes out of every folder's",
    { folder: Schema.String },
    ({ folder }) => Effect.sync(() => assert.isTrue(EndpointName.isValid(Project.nameOf(folder)), folder))
  )

  it.effect("asks for the packages that run it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* write(folder, choice("feature-extraction"), false)
      const { dependencies } = yield* parse(yield* fs.readFileString(`${folder}/package.json`))
      const own = yield* parse(yield* fs.readFileString("packages/cli/package.json"))
      const effect = yield* parse(yield* fs.readFileString("node_modules/effect/package.json"))
      assert.deepInclude(dependencies, { "@stint/batch": own["version"], effect: effect["version"] })
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
