import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import {
  Config,
  ConfigProvider,
  Duration,
  Effect,
  FileSystem,
  Layer,
  Option,
  Path,
  Ref,
  Schema
} from "effect"
import { Command, TerminalCapabilities } from "effect/cli"
import { FetchHttpClient } from "effect/http"
import { TestConsole } from "effect/testing"
import { Endpoint } from "@stint/core"
import { cli } from "../src/Cli.ts"
import * as ConfigFile from "../src/ConfigFile.ts"
import * as ConfigMembers from "../src/ConfigMembers.ts"
import * as LeaseFlags from "../src/LeaseFlags.ts"
import { ExitStatus } from "../src/ExitStatus.ts"
import * as Signals from "../src/Signals.ts"
import { Screen } from "../src/ui/RunView.ts"

/** What commands need; help runs none of them. */
const needs = Layer.mergeAll(
  NodeServices.layer,
  FetchHttpClient.layer,
  Layer.succeed(Screen, { write: () => Effect.void, canRedraw: false, columns: 80 }),
  Layer.effect(ExitStatus, Ref.make(0)),
  Layer.effect(Signals.Signals, Signals.make)
)

/** A folder with files in it, and the command standing in one of its folders. */
const standing = Effect.fnUntraced(function* (files: Record<string, string>, at = ".") {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = yield* fs.makeTempDirectoryScoped()
  yield* fs.makeDirectory(path.join(root, at), { recursive: true })
  for (const [name, text] of Object.entries(files)) {
    yield* fs.makeDirectory(path.dirname(path.join(root, name)), { recursive: true })
    yield* fs.writeFileString(path.join(root, name), text)
  }
  const here = { ...path, resolve: (...parts: ReadonlyArray<string>) => path.resolve(root, at, ...parts) }
  const inside = (env: Record<string, string>) =>
    Layer.merge(Layer.succeed(Path.Path, here), ConfigProvider.layer(ConfigProvider.fromUnknown(env)))
  return { root, inside }
})

const refusal = (text: string, env: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const { inside } = yield* standing({ "stint.json": text, ".git/HEAD": "" })
    const error = yield* Effect.flip(Effect.provide(ConfigFile.load, inside(env)))
    return error.message
  })

const onRun = ConfigFile.taken["run"] ?? []

const setting = (member: ConfigMembers.Member, value: ConfigMembers.Value, place = "/p/stint.json") => ({
  member,
  value,
  place
})

describe("stint.json", () => {
  it.effect("is found upward to the repository's root and never beyond", () =>
    Effect.gen(function* () {
      const found = Effect.fnUntraced(function* (files: Record<string, string>, home?: string) {
        const { inside, root } = yield* standing(files, "repo/a/b")
        const env = home === undefined ? {} : { HOME: `${root}/${home}` }
        const { file } = yield* Effect.provide(ConfigFile.load, inside(env))
        return file?.replace(root, "")
      })
      const inRepository = { "repo/.git/HEAD": "" }
      assert.strictEqual(yield* found({ ...inRepository, "repo/stint.json": "{}" }), "/repo/stint.json")
      assert.strictEqual(yield* found({ ...inRepository, "stint.json": "{}" }), undefined)
      assert.strictEqual(
        yield* found({ ...inRepository, "repo/a/stint.json": "{}", "repo/stint.json": "{}" }),
        "/repo/a/stint.json"
      )
      assert.strictEqual(yield* found({ "repo/stint.json": "{}" }, "repo"), "/repo/stint.json")
      assert.strictEqual(yield* found({ "stint.json": "{}" }, "repo"), undefined)
      // Beneath neither a repository nor HOME what lies above is a stranger's.
      assert.strictEqual(yield* found({ "repo/a/stint.json": "{}" }), undefined)
      assert.strictEqual(yield* found({ "repo/a/b/stint.json": "{}" }), "/repo/a/b/stint.json")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is refused with the reason: a slip, a host, a secret, a value, what bills on", () =>
    Effect.gen(function* () {
      assert.include(yield* refusal('{"maxCosts": 5}'), 'did you mean "maxCost"?')
      assert.include(yield* refusal('{"max-cost": 5}'), 'did you mean "maxCost"?')
      assert.include(yield* refusal('{"tokenPerMinute": 5}'), 'did you mean "tokensPerMinute"?')
      for (const host of ["apiUrl", "hubUrl", "HF_ENDPOINT", "STINT_API_URL", "url", "proxy", "catalog"]) {
        assert.include(yield* refusal(`{"${host}": "https://x"}`), "cannot set hosts", host)
      }
      for (const secret of ["token", "HF_TOKEN", "apiKey", "password"]) {
        const text = yield* refusal(`{"${secret}": "hf_abc"}`)
        assert.include(text, "holds no secrets", secret)
        assert.notInclude(text, "hf_abc")
      }
      assert.include(yield* refusal('{"onRelease": "keep"}'), "said for each run, with --on-release keep")
      assert.include(yield* refusal('{"onRelease": "delete"}'), "said for each run, with --on-release delete")
      assert.include(yield* refusal('{"guardian": false}'), "--no-guardian")
      assert.include(yield* refusal('{"maxCost": -1}'), '"maxCost": Expected a value greater than 0')
      assert.include(yield* refusal('{"deadline": "5 parsecs"}'), '"deadline": Expected a duration')
      assert.include(yield* refusal("{nope"), "it is not JSON")
      assert.include(yield* refusal("[]"), "no object")
      assert.include(yield* refusal("{}", { STINT_MAX_COST: "much" }), "STINT_MAX_COST cannot be used")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is refused where reading it would never end", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { inside, root } = yield* standing({ ".git/HEAD": "" })
      // At its end at once, so that a refusal that is missing fails this test and does not hang it.
      yield* fs.symlink("/dev/null", `${root}/stint.json`)
      const error = yield* Effect.flip(Effect.provide(ConfigFile.load, inside({})))
      assert.include(error.message, "it is no file")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("goes behind the environment, which is text and means numbers, truths and lists", () =>
    Effect.gen(function* () {
      const text = '{"$schema": "x", "maxCost": 5, "spec": "e.json", "namespace": "acme", "order": "input"}'
      const { inside, root } = yield* standing({ "stint.json": text, ".git/HEAD": "" })
      const env = {
        STINT_MAX_COST: "2.5",
        STINT_DEDUPE: "false",
        STINT_OUTPUT_FORMAT: "csv, jsonl",
        STINT_PACK: "off",
        HF_ENDPOINTS_NAMESPACE: "mine"
      }
      const { settings } = yield* Effect.provide(ConfigFile.load, inside(env))
      assert.deepStrictEqual(Object.fromEntries(settings.map(({ member, value }) => [member, value])), {
        namespace: "mine",
        maxCost: 2.5,
        dedupe: false,
        outputFormat: ["csv", "jsonl"],
        pack: "off",
        spec: `${root}/e.json`,
        order: "input"
      })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it("fills in what the command line does not say", () => {
    const settings = [
      setting("maxCost", 5),
      setting("concurrency", 8),
      setting("dedupe", false),
      setting("outputFormat", ["csv", "parquet"])
    ]
    const complete = (...args: ReadonlyArray<string>) => ConfigFile.complete(args, settings).join(" ")
    const rest = "--dedupe --output-format=jsonl"
    assert.strictEqual(
      complete("run", "rows"),
      "run --max-cost=5 --concurrency=8 --no-dedupe --output-format=csv --output-format=parquet rows"
    )
    assert.strictEqual(
      complete("run", "--max-cost", "1", "-c", "2", ...rest.split(" "), "rows"),
      `run --max-cost 1 -c 2 ${rest} rows`
    )
    // Behind "--" there are no flags, and the value of a global flag is no command.
    assert.include(complete("--log-level", "debug", "run", "--", "--max-cost"), "run --max-cost=5")
    assert.strictEqual(complete("leases"), "leases")
    assert.strictEqual(complete(), "")
  })

  it("leaves its spec out where another endpoint is meant", () => {
    const settings = [setting("endpoint", "mine"), setting("spec", "/e.json")]
    const complete = (...args: ReadonlyArray<string>) => ConfigFile.complete(args, settings).join(" ")
    assert.strictEqual(complete("run", "--endpoint", "other"), "run --endpoint other")
    assert.strictEqual(complete("plan", "--model", "a/b"), "plan --model a/b")
    assert.strictEqual(
      ConfigFile.complete(["run", "-e", "x"], settings.slice(1)).join(" "),
      "run --spec=/e.json -e x"
    )
  })

  it.effect.prop(
    "never changes a flag that is given",
    [Schema.UniqueArray(Schema.Literals(onRun)), Schema.UniqueArray(Schema.Literals(ConfigMembers.named))],
    ([given, written]) =>
      Effect.sync(() => {
        const flag = (member: string) => `--${member.replace(/[A-Z]/g, (one) => `-${one.toLowerCase()}`)}`
        const args = ["run", ...given.map((member) => `${flag(member)}=given`)]
        const all = ConfigFile.complete(
          args,
          written.map((member) => setting(member, "written"))
        )
        for (const member of ConfigMembers.named) {
          const values = all.filter((arg) => arg.startsWith(`${flag(member)}=`))
          const isTaken = (ConfigFile.taken["run"] ?? []).includes(member)
          const isOther = member === "spec" && written.includes("endpoint") && given.includes("endpoint")
          const expected = given.includes(member)
            ? ["given"]
            : written.includes(member) && isTaken && !isOther
              ? ["written"]
              : []
          assert.deepStrictEqual(
            values.map((value) => value.split("=")[1]),
            expected
          )
        }
      })
  )

  it.effect("has flags that the commands have", () =>
    Effect.gen(function* () {
      for (const [command, members] of Object.entries(ConfigFile.taken)) {
        yield* Effect.ignore(Command.runWith(cli, { version: "0" })([command, "--help"]))
        const help = (yield* TestConsole.logLines).map(String).join("\n")
        for (const arg of ConfigFile.complete(
          [command],
          members.map((member) => setting(member, "x"))
        ).slice(1)) {
          assert.include(help, arg.replace("=x", ""), command)
        }
      }
    }).pipe(Effect.provide(needs))
  )

  it.effect("says what becomes of the endpoint, and gives no leave to use one that runs", () =>
    Effect.gen(function* () {
      const options = yield* LeaseFlags.toOptions({
        onRelease: Option.none(),
        readyTimeout: Duration.minutes(1),
        onForeignPause: "stop",
        onLeased: "refuse",
        backstop: "warn"
      })
      assert.strictEqual(options.onRelease, "scaleToZero")
      const running = yield* Endpoint.fromJson({
        name: "theirs",
        status: { state: "running" }
      })
      assert.isFalse(yield* options.mayAdopt(running))
    }).pipe(
      Effect.provideService(LeaseFlags.DefaultRelease, "scale-to-zero"),
      Effect.provideService(TerminalCapabilities.TerminalCapabilities, {
        canColor: false,
        canAnimate: false,
        canPrompt: false
      }),
      Effect.provideServiceEffect(Signals.Signals, Signals.make),
      Effect.provide(NodeServices.layer)
    )
  )

  it.effect("gives its namespace to the run, says so much on stderr, and keeps out of what mends", () =>
    Effect.gen(function* () {
      const seen = yield* Ref.make<ReadonlyArray<string>>([])
      const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
        const namespace = yield* Config.option(Config.String("HF_ENDPOINTS_NAMESPACE"))
        yield* Ref.set(seen, [...args, Option.getOrElse(namespace, () => "none")])
      })
      const { inside } = yield* standing({
        "stint.json": '{"namespace": "acme", "maxCost": 5}',
        ".git/HEAD": ""
      })
      yield* Effect.provide(ConfigFile.withDefaults(["run", "rows"], run), inside({}))
      assert.deepStrictEqual(yield* Ref.get(seen), ["run", "--max-cost=5", "rows", "acme"])
      const environment = inside({ HF_ENDPOINTS_NAMESPACE: "mine" })
      yield* Effect.provide(ConfigFile.withDefaults(["sweep"], run), environment)
      assert.deepStrictEqual(yield* Ref.get(seen), ["sweep", "mine"])

      const broken = yield* standing({ "stint.json": "{", ".git/HEAD": "" })
      for (const args of [["doctor"], ["leases"], ["run", "--help"], []]) {
        yield* Effect.provide(ConfigFile.withDefaults(args, run), broken.inside({}))
        assert.deepStrictEqual(yield* Ref.get(seen), [...args, "none"])
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("has the schema that is published", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const text = yield* fs.readFileString("packages/cli/schemas/config.schema.json")
      const json = yield* Schema.decodeEffect(Schema.fromJsonString(Schema.Json))(text)
      assert.deepStrictEqual(json, ConfigMembers.jsonSchema(), "npm run schemas")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
