/**
 * `stint.json`: what a project repeats on every command line.
 *
 * A flag goes before the environment, that before the file, that before the default. A file comes with a project that may be
 * a stranger's, so it cannot say where the token is sent, nor hold one, nor ask for what cannot be undone.
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { describe } from "@stint/batch/FileProblem"
import { arrayElse, check, membersOf, named } from "./ConfigMembers.ts"
import type { Member, Value } from "./ConfigMembers.ts"
import { DefaultRelease } from "./LeaseFlags.ts"

export { Settings } from "./ConfigMembers.ts"

/** The name of the file. */
export const fileName = "stint.json"

/** The file, or a variable that stands for one of its members, cannot be used. */
export class ConfigFileError extends Schema.TaggedError<ConfigFileError>()("ConfigFileError", {
  /** The path of the file, or the name of the variable. */
  place: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `${this.place} cannot be used: ${this.detail.replace(/(?<![.?])$/, ".")} Correct that and run the same command again; nothing was woken.`
  }
}

/** A value, and whether the file or a variable says it. */
export interface Setting {
  readonly member: Member
  readonly value: Value
  /** The path of the file, or the name of the variable. */
  readonly place: string
}

/** What the file and the environment say. */
export interface Found {
  readonly file: string | undefined
  readonly settings: ReadonlyArray<Setting>
}

/** The folders that a file is looked for in: up to the repository's root or HOME, and never beyond. */
const places = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = Option.map(yield* Config.option(Config.String("HOME")), (given) => path.resolve(given))
  const here = path.resolve(".")
  const passed: Array<string> = []
  for (let folder = here; ; folder = path.dirname(folder)) {
    passed.push(folder)
    const isRoot = yield* Effect.orElseSucceed(fs.exists(path.join(folder, ".git")), () => false)
    if (isRoot || Option.contains(home, folder)) return passed
    // Beneath neither: what lies above is nobody's project.
    if (path.dirname(folder) === folder) return [here]
  }
})

const find = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const folder of yield* places) {
    const file = path.join(folder, fileName)
    if (yield* Effect.orElseSucceed(fs.exists(file), () => false)) return file
  }
  return undefined
})

const parse = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Json))

const read = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const refuse = (detail: string) => new ConfigFileError({ place: file, detail })
  const info = yield* Effect.mapError(fs.stat(file), (error) => refuse(describe(error)))
  // A pipe would be waited for, and a device never ends.
  if (info.type !== "File" && info.type !== "Directory") return yield* refuse("it is no file")
  const text = yield* Effect.mapError(fs.readFileString(file), (error) => refuse(describe(error)))
  const json = yield* Effect.mapError(parse(text.replace(/^\ufeff/, "")), () => refuse("it is not JSON"))
  if (!Predicate.isObject(json) || Array.isArray(json)) return yield* refuse("it is no object of settings")
  const settings = yield* Effect.mapError(check(json), refuse)
  const folder = path.dirname(file)
  return membersOf(settings).map(([member, value]): Setting => ({
    member,
    // Written beside the file, and so meant.
    value:
      (member === "spec" || member === "out") && typeof value === "string"
        ? path.resolve(folder, value)
        : value,
    place: file
  }))
})

/** The variable that stands for a member, as in `STINT_MAX_COST`. */
const variableOf = (member: Member): string =>
  member === "namespace"
    ? "HF_ENDPOINTS_NAMESPACE"
    : `STINT_${member.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`

/** A variable is text: the number, the truth or the list that it stands for. */
const fromText = Effect.fnUntraced(function* (member: Member, text: string) {
  const place = variableOf(member)
  const candidates: ReadonlyArray<Schema.Json> = [
    text,
    ...(text.trim() !== "" && Number.isFinite(Number(text)) ? [Number(text)] : []),
    ...(text === "true" || text === "false" ? [text === "true"] : []),
    arrayElse(text)
  ]
  const tried = yield* Effect.forEach(candidates, (value) => Effect.result(check({ [member]: value })))
  const good = tried.find(({ _tag }) => _tag === "Success") ?? tried[0]
  if (good === undefined) return []
  const settings = yield* Effect.mapError(
    Effect.fromResult(good),
    (detail) => new ConfigFileError({ place, detail })
  )
  return membersOf(settings).map(([, value]): Setting => ({ member, value, place }))
})

const fromEnvironment = Effect.map(
  Effect.forEach(named, (member) =>
    Effect.flatMap(Config.option(Config.String(variableOf(member))), (given) =>
      Option.isNone(given) || given.value.trim() === ""
        ? Effect.succeed([])
        : fromText(member, given.value.trim())
    )
  ),
  (all) => all.flat()
)

/**
 * Reads the file and the environment. Each member is there at most once: the environment goes before the file. Fails with
 * {@link ConfigFileError} where either cannot be used.
 */
export const load: Effect.Effect<
  Found,
  ConfigFileError | Config.ConfigError,
  FileSystem.FileSystem | Path.Path
> = Effect.gen(function* () {
  const given = yield* fromEnvironment
  const file = yield* find
  const written = file === undefined ? [] : yield* read(file)
  const isGiven = (member: Member) => given.some((setting) => setting.member === member)
  return { file, settings: [...given, ...written.filter(({ member }) => !isGiven(member))] }
})

const flagOf = (member: Member) => `--${member.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

const aliases: Partial<Record<Member, string>> = { endpoint: "e", out: "o", concurrency: "c" }

const onRun: ReadonlyArray<Member> = named.filter(
  (member) => member !== "namespace" && member !== "onRelease"
)

/** The members that a command takes as flags. */
export const taken: Readonly<Record<string, ReadonlyArray<Member>>> = {
  run: onRun,
  plan: ["endpoint", "spec", "job", "out", "dedupe", "skipInvalid"]
}

/** These mend or set up, or reach no API: a file that cannot be used must not stand in their way. */
const untouched: ReadonlySet<string> = new Set(["doctor", "init", "emulate", "leases", "report"])

const isGiven = (member: Member, args: ReadonlyArray<string>) => {
  const flag = flagOf(member)
  const alias = aliases[member]
  return args.some(
    (arg) =>
      arg === flag ||
      arg.startsWith(`${flag}=`) ||
      arg === `--no-${flag.slice(2)}` ||
      (alias !== undefined && (arg === `-${alias}` || arg.startsWith(`-${alias}=`)))
  )
}

const textsOf = ({ member, value }: Setting): ReadonlyArray<string> => {
  const flag = flagOf(member)
  if (typeof value === "boolean") return [value ? flag : `--no-${flag.slice(2)}`]
  return (typeof value === "object" ? value : [value]).map((one) => `${flag}=${String(one)}`)
}

const valued: ReadonlySet<string> = new Set(["--log-level", "--completions"])

/** Where the command's own name stands. */
const commandAt = (args: ReadonlyArray<string>): number =>
  args.findIndex((arg, at) => !arg.startsWith("-") && !valued.has(args[at - 1] ?? ""))

/** The model of a plan that names its own is not the file's. */
const others: Partial<Record<Member, ReadonlyArray<string>>> = {
  endpoint: ["--spec", "--model"],
  spec: ["--model"]
}

/** The flags that are not given on the command line and that the file or the environment says. */
export const missing = (
  args: ReadonlyArray<string>,
  settings: ReadonlyArray<Setting>
): ReadonlyArray<Setting> => {
  const at = commandAt(args)
  const name = args[at] ?? ""
  const end = args.indexOf("--")
  const own = args.slice(at + 1, end < 0 ? undefined : end)
  const isNamed = settings.some(({ member }) => member === "endpoint")
  const isOther = ({ member }: Setting) =>
    // The file's spec is that of the file's endpoint: a slip in --endpoint would create another one of it.
    (member === "spec" && isNamed && isGiven("endpoint", own)) ||
    (name === "plan" &&
      (others[member] ?? []).some((flag) => own.some((arg) => arg === flag || arg.startsWith(`${flag}=`))))
  return settings.filter(
    (setting) =>
      (taken[name] ?? []).includes(setting.member) && !isGiven(setting.member, own) && !isOther(setting)
  )
}

/** The command line with those flags put behind the name of the command. */
export const complete = (
  args: ReadonlyArray<string>,
  settings: ReadonlyArray<Setting>
): ReadonlyArray<string> => {
  const at = commandAt(args)
  return [...args.slice(0, at + 1), ...missing(args, settings).flatMap(textsOf), ...args.slice(at + 1)]
}

const asksForHelp = (args: ReadonlyArray<string>) =>
  args.some((arg) => ["--help", "-h", "--version", "--wizard", "--completions"].includes(arg))

/** What is added, by who says it. */
const told = (settings: ReadonlyArray<Setting>) =>
  [...Map.groupBy(settings, ({ place }) => place)]
    .map(([place, said]) => `from ${place}: ${said.flatMap(textsOf).join(" ")}`)
    .join("; ")

/** Runs a command line with what the file and the environment add to it, which is said in a line on stderr. */
export const withDefaults = Effect.fnUntraced(function* <A, E, R>(
  args: ReadonlyArray<string>,
  run: (args: ReadonlyArray<string>) => Effect.Effect<A, E, R>
) {
  const name = args[commandAt(args)]
  if (name === undefined || untouched.has(name) || asksForHelp(args)) return yield* run(args)
  const { settings } = yield* load
  const added = missing(args, settings)
  const release = name === "run" ? settings.find(({ member }) => member === "onRelease") : undefined
  const said = [...added, ...(release === undefined ? [] : [release])]
  if (said.length > 0) yield* Effect.logInfo(`Defaults ${told(said)}`)
  const namespace = settings.find(({ member }) => member === "namespace")
  const environment = yield* ConfigProvider.ConfigProvider
  return yield* run(complete(args, settings)).pipe(
    Effect.provideService(DefaultRelease, releaseOf(release?.value)),
    Effect.provideService(
      ConfigProvider.ConfigProvider,
      namespace === undefined
        ? environment
        : ConfigProvider.orElse(
            environment,
            ConfigProvider.fromUnknown({ HF_ENDPOINTS_NAMESPACE: namespace.value })
          )
    )
  )
})

const releaseOf = (value: Value | undefined) =>
  value === "restore" || value === "scale-to-zero" ? value : "pause"
