/**
 * What a run needs of the machine: Node, a folder for leases, a guardian, room on the disk.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import { LeaseRecords } from "@stint/batch/node"
import { statfs } from "node:fs/promises"
import NodeProcess from "node:process"
import * as ConfigFile from "../ConfigFile.ts"
import * as Check from "./Check.ts"

/** The oldest Node, as in `engines` of package.json; a test keeps the two together. */
export const oldestNode = "22.19"

const isAtLeast = (version: string, oldest: string) => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  const [wantMajor = 0, wantMinor = 0] = oldest.split(".").map(Number)
  return major > wantMajor || (major === wantMajor && minor >= wantMinor)
}

export const node = (version: string = NodeProcess.versions.node): Check.Check =>
  isAtLeast(version, oldestNode)
    ? Check.ok("node", `${version} (${oldestNode} or newer is needed)`)
    : Check.fail(
        "node",
        `${version} is too old`,
        `Install Node ${oldestNode} or newer: https://nodejs.org/en/download`
      )

/** An address without the name and the password that may be in it. */
const withoutUser = (text: string): string => {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`)
  return url === null ? "an address that cannot be read" : url.host
}

const either = (name: string) =>
  Effect.map(
    Effect.all([Config.option(Config.Redacted(name)), Config.option(Config.Redacted(name.toUpperCase()))]),
    ([lower, upper]) =>
      Option.filter(
        Option.map(
          Option.orElse(lower, () => upper),
          Redacted.value
        ),
        (text) => text !== ""
      )
  )

/** The proxies that requests go through. */
export const proxies = Effect.gen(function* () {
  const [http, https, except] = yield* Effect.all([
    either("http_proxy"),
    either("https_proxy"),
    either("no_proxy")
  ])
  const used = Option.orElse(https, () => http)
  if (Option.isNone(used)) return Check.ok("proxies", "none")
  const said = [
    `https: ${withoutUser(used.value)}`,
    ...(Option.isSome(http) ? [`http: ${withoutUser(http.value)}`] : []),
    ...(Option.isSome(except) ? [`not for ${except.value}`] : [])
  ]
  return Check.ok("proxies", said.join(", "))
})

/** What `stint.json` and the environment add to command lines. */
export const config = (loaded: ConfigFile.Found | ConfigFile.ConfigFileError): Check.Check => {
  const name = "config"
  if (loaded instanceof ConfigFile.ConfigFileError) {
    return Check.fail(
      name,
      `${loaded.place}: ${loaded.detail}`,
      "Correct that: stint run, plan and sweep do nothing until then."
    )
  }
  const said = loaded.settings.map(
    ({ member, place, value }) => `${member} ${String(value)}${place === loaded.file ? "" : ` (${place})`}`
  )
  if (loaded.file === undefined && said.length === 0)
    return Check.ok(name, `no ${ConfigFile.fileName} here or above`)
  return Check.ok(name, `${loaded.file ?? "the environment"}: ${said.join(", ") || "nothing set"}`)
}

/** The nearest folder that is there. */
const nearest = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  let at = folder
  while (!(yield* Effect.orElseSucceed(fs.exists(at), () => false)) && path.dirname(at) !== at)
    at = path.dirname(at)
  return at
})

const stateFolder = Effect.gen(function* () {
  const path = yield* Path.Path
  const absolute = (name: string) =>
    Effect.map(Config.option(Config.String(name)), Option.filter(path.isAbsolute))
  const [state, home] = yield* Effect.all([absolute("XDG_STATE_HOME"), absolute("HOME")])
  return Option.match(state, {
    onSome: (given) => path.join(given, "stint", "leases"),
    onNone: () =>
      Option.getOrUndefined(
        Option.map(home, (given) => path.join(given, ".local", "state", "stint", "leases"))
      )
  })
})

/** The records of leases: whether they can be written, and what they tell. */
export const leases = Effect.gen(function* () {
  const name = "leases"
  const fs = yield* FileSystem.FileSystem
  const { damaged, leases } = yield* LeaseRecords.list()
  const folder = yield* stateFolder
  const near = folder === undefined ? undefined : yield* nearest(folder)
  if (near !== undefined && (yield* Effect.isFailure(fs.access(near, { writable: true })))) {
    return Check.fail(
      name,
      `${near} cannot be written to`,
      "Mend its permissions, or set XDG_STATE_HOME to a folder of yours: without a record no run starts."
    )
  }
  const where = folder === undefined ? "" : ` in ${folder}`
  if (damaged.length > 0) {
    return Check.warn(
      name,
      `${damaged.length} damaged: ${damaged.map(({ file }) => file).join(", ")}`,
      "Look in the web console whether those endpoints run, then delete the files."
    )
  }
  const left = leases.filter(({ standing }) => standing === "orphan" || standing === "unconfirmed")
  if (left.length > 0) {
    return Check.warn(
      name,
      `${left.map((one) => `${one.namespace}/${one.name}`).join(", ")}: held by nobody any more, and may bill`,
      'Run "stint sweep".'
    )
  }
  return Check.ok(name, leases.length === 0 ? `none${where}` : `${leases.length} held${where}`)
}).pipe(
  Effect.catchTag("RecordsUnreadable", ({ message }) =>
    Effect.succeed(Check.fail("leases", message, "Mend that: without a record no run starts."))
  )
)

/** Starts a guardian for a lease of its own folder, and dismisses it: it calls nobody. */
export const guardian = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "stint-doctor-" })
  const records = yield* LeaseRecords.make({
    directory,
    guardian: { token: Redacted.make("none") },
    giveUpAfter: "1 second"
  })
  const hold = yield* records.claim({
    // Were it ever to act, this is where nobody listens.
    apiUrl: "http://127.0.0.1:9/v2",
    namespace: "stint",
    name: "doctor",
    policy: "pause",
    pricePerHour: undefined,
    whenLeased: "refuse"
  })
  yield* hold.leave
  yield* hold.ended()
  return Check.ok("guardian", "starts")
}).pipe(
  Effect.scoped,
  Effect.catch((error) =>
    Effect.succeed(
      Check.fail(
        "guardian",
        error.message,
        "A run would not start. --no-guardian leaves it off, and nothing releases the endpoint when the run is killed."
      )
    )
  ),
  Effect.timeoutOrElse({
    duration: "15 seconds",
    orElse: () =>
      Effect.succeed(
        Check.warn("guardian", "did not start within 15 seconds", "The machine is busy: try again.")
      )
  })
)

const MB = 1_000_000
const LITTLE_BYTES = 1000 * MB
const NONE_BYTES = 50 * MB

/** Room for journals and results in the current folder. */
export const disk = Effect.gen(function* () {
  const name = "disk"
  const path = yield* Path.Path
  const folder = path.resolve(".")
  const fs = yield* FileSystem.FileSystem
  if (yield* Effect.isFailure(fs.access(folder, { writable: true }))) {
    return Check.warn(name, `${folder} cannot be written to`, "Give --out a folder of yours.")
  }
  const stat = yield* Effect.option(Effect.tryPromise(() => statfs(folder)))
  if (Option.isNone(stat)) return Check.skip(name, `${folder}: how much room there is, is not known`)
  const free = stat.value.bavail * stat.value.bsize
  const said = `${free >= LITTLE_BYTES ? `${(free / 1000 / MB).toFixed(1)} GB` : `${Math.round(free / MB)} MB`} free in ${folder}`
  const mend = "Make room, or give --out a folder of another disk: what cannot be written stops a run."
  if (free < NONE_BYTES) return Check.fail(name, said, mend)
  return free < LITTLE_BYTES ? Check.warn(name, said, mend) : Check.ok(name, said)
})
