/** The files for other people's schedulers are what those read, and call the command as it is. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Cron, Effect, FileSystem, Path, Result, Schema, Stream } from "effect"
import { Yaml } from "effect/encoding"
import { ChildProcess } from "effect/process"

const home = import.meta.dirname

const read = (name: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    return yield* fs.readFileString(path.join(home, "schedules", name))
  })

const output = Effect.fnUntraced(function* (command: string, ...args: ReadonlyArray<string>) {
  const handle = yield* ChildProcess.make(command, args)
  const out = yield* Stream.mkString(Stream.decodeText(handle.all))
  return { out, code: yield* handle.exitCode }
}, Effect.scoped)

const parse = <S extends Schema.Decoder<unknown>>(schema: S, name: string) =>
  Effect.flatMap(read(name), (text) =>
    Effect.flatMap(
      Effect.sync(() => Yaml.parse(text)),
      Schema.decodeUnknownEffect(schema)
    )
  )

const CronJob = Schema.Struct({
  kind: Schema.Literal("CronJob"),
  spec: Schema.Struct({
    schedule: Schema.String,
    concurrencyPolicy: Schema.Literal("Forbid"),
    startingDeadlineSeconds: Schema.Int,
    jobTemplate: Schema.Struct({
      spec: Schema.Struct({
        activeDeadlineSeconds: Schema.Int,
        template: Schema.Struct({
          spec: Schema.Struct({
            terminationGracePeriodSeconds: Schema.Int,
            containers: Schema.Array(
              Schema.Struct({ name: Schema.String, args: Schema.Array(Schema.String) })
            )
          })
        })
      })
    })
  })
})

const Workflow = Schema.Struct({
  on: Schema.Struct({ schedule: Schema.Array(Schema.Struct({ cron: Schema.String })) }),
  concurrency: Schema.Struct({ group: Schema.String, "cancel-in-progress": Schema.Boolean }),
  jobs: Schema.Struct({
    batch: Schema.Struct({
      "timeout-minutes": Schema.Int,
      steps: Schema.Array(Schema.Struct({ run: Schema.optionalKey(Schema.String) }))
    })
  })
})

/** More than a release may take, and the drain before it. */
const graceSeconds = 120 + 30

describe("the schedules", () => {
  it.effect("kubernetes-cronjob.yaml is a CronJob with time to release", () =>
    Effect.gen(function* () {
      const { spec } = yield* parse(CronJob, "kubernetes-cronjob.yaml")
      const pod = spec.jobTemplate.spec
      assert.isTrue(Result.isSuccess(Cron.parse(spec.schedule)))
      assert.isAbove(pod.activeDeadlineSeconds, 6 * 3600)
      assert.isAbove(pod.template.spec.terminationGracePeriodSeconds, graceSeconds)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("github-actions.yml is a workflow that is never cut short by the next", () =>
    Effect.gen(function* () {
      const { concurrency, jobs, on } = yield* parse(Workflow, "github-actions.yml")
      assert.isTrue(on.schedule.every(({ cron }) => Result.isSuccess(Cron.parse(cron))))
      assert.isFalse(concurrency["cancel-in-progress"])
      assert.isAbove(jobs.batch["timeout-minutes"], 5 * 60)
      assert.include(jobs.batch.steps.at(-1)?.run ?? "", "/nightly/pause")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("crontab is variables, comments and entries that cron knows", () =>
    Effect.gen(function* () {
      const lines = (yield* read("crontab"))
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
      const entries = lines.filter((line) => !/^[A-Z_]+=/.test(line))
      assert.strictEqual(entries.length, 2)
      for (const entry of entries) {
        const times = /^(\S+\s+){4}\S+/.exec(entry)?.[0] ?? ""
        assert.isTrue(Result.isSuccess(Cron.parse(times.replaceAll(/\s+/g, " "))), entry)
        assert.notInclude(entry, "%", "cron takes a percent sign for the end of the line")
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("the systemd units are what systemd knows, and give the time to release", (context) =>
    Effect.gen(function* () {
      const service = yield* read("stint-nightly.service")
      assert.match(service, /^KillMode=process$/m)
      const minutes = Number(/^TimeoutStopSec=(\d+)min$/m.exec(service)?.[1])
      assert.isAbove(minutes * 60, graceSeconds)
      const units = ["timer", "service"].map((kind) => `${home}/schedules/stint-nightly.${kind}`)
      const verified = yield* Effect.option(output("systemd-analyze", "verify", ...units))
      if (verified._tag === "None") return context.skip("there is no systemd-analyze on this machine")
      assert.deepStrictEqual(verified.value, { out: "", code: 0 })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("call the command by options that it has", () =>
    Effect.gen(function* () {
      const bin = `${home}/../packages/cli/src/bin.ts`
      const { spec } = yield* parse(CronJob, "kubernetes-cronjob.yaml")
      const pod = spec.jobTemplate.spec.template.spec.containers.flatMap(({ args }) => args).join(" ")
      const texts = yield* Effect.forEach(["crontab", "stint-nightly.service", "github-actions.yml"], read)
      const calls = texts.flatMap((text) =>
        [...text.matchAll(/\bstint ((?:run|sweep) .*)/g)].map(([, call]) => call ?? "")
      )
      assert.strictEqual(calls.length, 4)
      for (const subcommand of ["run", "sweep"]) {
        const { out } = yield* output(process.execPath, bin, subcommand, "--help")
        for (const call of [...calls, pod].filter((call) => call.startsWith(subcommand))) {
          for (const [option] of call.matchAll(/--[a-z-]+/g)) assert.include(out, option, call)
        }
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
