/**
 * Starting a guardian and talking to it.
 */
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Secret from "@stint/core/Secret"
import { spawn } from "node:child_process"
import NodeProcess from "node:process"
import { fileURLToPath } from "node:url"
import * as Order from "../guardian/order.ts"
import type { LeaseRecord } from "./leaseFile.ts"

/** The guardian could not be started. */
export class GuardianFailed extends Data.TaggedError("GuardianFailed")<{ readonly detail: string }> {}

/** A guardian that stands ready. */
export interface Guardian {
  /** Ends it: there is nothing to guard any more. Waits for its end, but not long. */
  readonly done: Effect.Effect<void>
  /** Lets it act although its parent lives. */
  readonly unconfirmed: Effect.Effect<void>
  /** Tells it that the record is about to be taken away, for there is nothing left to release. */
  readonly released: Effect.Effect<void>
  /** Tells it how the record is now, in case that it cannot be read any more when it has to act. */
  readonly tell: (record: LeaseRecord) => Effect.Effect<void>
}

/**
 * The whole environment of a guardian: what it takes to reach the API. Node reads the proxies itself, and takes their names
 * in either spelling.
 */
const passed = [
  "PATH",
  "HOME",
  "TMPDIR",
  "SYSTEMROOT",
  "http_proxy",
  "HTTP_PROXY",
  "https_proxy",
  "HTTPS_PROXY",
  "no_proxy",
  "NO_PROXY",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
  "NODE_USE_SYSTEM_CA",
  "NODE_TLS_REJECT_UNAUTHORIZED"
].map((name) => [name, Config.option(Config.Redacted(name))] as const)

/** What of the configuration a guardian inherits. */
export const environment: Effect.Effect<Readonly<Record<string, string>>, Config.ConfigError> = Effect.map(
  Effect.forEach(passed, ([name, config]) =>
    Effect.map(config, (value) => [name, Option.getOrUndefined(value)] as const)
  ),
  (all) => ({
    NODE_USE_ENV_PROXY: "1",
    ...Object.fromEntries(
      all.flatMap(([name, value]) => (value === undefined ? [] : [[name, Redacted.value(value)]]))
    )
  })
)

// The sources run as they are; in the package they are compiled.
const extension = import.meta.url.endsWith(".ts") ? "ts" : "js"
const program = new URL(`../guardian/guardian.${extension}`, import.meta.url)

/** How long a guardian may take to come up on a busy machine, and to go. */
const UP_WITHIN = "20 seconds"
const GONE_WITHIN = "2 seconds"

/**
 * Starts a guardian in a session of its own, and answers when it has said that it is up. It goes on when this process ends,
 * and does not keep it from ending.
 */
export const start = Effect.fnUntraced(function* (
  order: Order.Order,
  env: Readonly<Record<string, string>>
): Effect.fn.Return<Guardian, GuardianFailed> {
  const child = yield* Effect.try({
    try: () =>
      spawn(NodeProcess.execPath, [fileURLToPath(program), "guardian", `${order.namespace}/${order.name}`], {
        detached: true,
        stdio: ["pipe", "pipe", "pipe"],
        env,
        cwd: "/",
        windowsHide: true
      }),
    catch: (error) => new GuardianFailed({ detail: String(error) })
  })
  const conceal = Secret.conceal(order.token)
  let said = ""
  const up = Effect.callback<void, GuardianFailed>((resume) => {
    const fail = (detail: string) => resume(Effect.fail(new GuardianFailed({ detail })))
    child.on("error", (error) => fail(error.message))
    // There are no pipes where the system had none left to give; the error that says so comes in a moment.
    if (!child.stdin) return
    child.on("exit", (code, signal) =>
      fail(`it ended at once (${signal ?? code}): ${conceal(said).trim().slice(0, 500)}`)
    )
    child.stdin.on("error", () => undefined)
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text
    })
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (text.includes(Order.up)) resume(Effect.void)
    })
    child.stdin.write(`${JSON.stringify(order)}\n`)
  })
  yield* up.pipe(
    Effect.timeoutOrElse({
      duration: UP_WITHIN,
      orElse: () => Effect.fail(new GuardianFailed({ detail: `it did not come up within ${UP_WITHIN}` }))
    }),
    Effect.onExit((exit) =>
      exit._tag === "Success" ? Effect.void : Effect.sync(() => void child.kill("SIGKILL"))
    )
  )
  child.removeAllListeners()
  child.on("error", () => undefined)
  child.stdout.destroy()
  child.stderr.destroy()
  child.unref()
  if ("unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref()

  const gone = Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) resume(Effect.void)
    else child.once("exit", () => resume(Effect.void))
  }).pipe(Effect.timeoutOption(GONE_WITHIN), Effect.asVoid)
  const send = (line: string) => Effect.sync(() => void child.stdin.write(`${line}\n`))
  return {
    done: Effect.andThen(send(Order.done), gone),
    unconfirmed: send(Order.unconfirmed),
    released: send(Order.released),
    tell: (record) => send(`${Order.record}${JSON.stringify(record)}`)
  }
})
