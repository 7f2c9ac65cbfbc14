/**
 * The network of the one worker that is cut off. Where this machine lets us, the worker lives in a network of its own, with a
 * cable each to the database, the service and the other workers; a cable is pulled by the kernel, and nobody is told. Elsewhere
 * proxies stand between: one that goes silent before the database, one that breaks off before the service.
 */
import { Effect, type Redacted, type Scope } from "effect"
import { spawnSync } from "node:child_process"
import * as Reliability from "../reliability/Network.ts"
import * as Proxy from "../postgres/proxy.ts"

/** What a worker is cut off from. */
export type Far = "database" | "endpoint"

/** Where things are, before any of them is started. */
export interface Network {
  /** How it is cut. */
  readonly means: "network namespace" | "proxy"
  /** Where the database listens beside the loopback. */
  readonly databaseHost: string | undefined
  readonly serviceHost: string
  /** Where the other workers are. */
  readonly host: string
  /** What lies between the worker and the rest. */
  readonly lay: (
    database: Redacted.Redacted,
    api: URL
  ) => Effect.Effect<
    {
      readonly host: string
      readonly network: string | undefined
      readonly database: Redacted.Redacted
      readonly env: Readonly<Record<string, string>>
      readonly cut: (far: Far) => Effect.Effect<void>
      readonly mend: (far: Far) => Effect.Effect<void>
    },
    never,
    Scope.Scope
  >
}

const succeeds = (...args: ReadonlyArray<string>) => spawnSync("ip", [...args]).status === 0

const ip = (...args: ReadonlyArray<string>) =>
  Effect.sync(() => {
    const { status, stderr } = spawnSync("ip", [...args], { encoding: "utf8" })
    if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`)
  })

let made = 0

const namespaced = Effect.gen(function* () {
  const nth = made++
  const id = `stf${process.pid}${"abcdefgh"[nth % 8]}`
  const base = `10.${200 + (nth % 50)}.${process.pid % 250}`
  const databaseHost = `${base}.1`
  const serviceHost = `${base}.2`
  yield* Effect.acquireRelease(ip("netns", "add", id), () => Effect.sync(() => succeeds("netns", "del", id)))
  for (const address of [databaseHost, serviceHost]) {
    yield* Effect.acquireRelease(ip("addr", "add", `${address}/32`, "dev", "lo"), () =>
      Effect.sync(() => succeeds("addr", "del", `${address}/32`, "dev", "lo"))
    )
  }
  yield* ip("-n", id, "link", "set", "dev", "lo", "up")
  for (const [cable, near, far] of [
    ["d", 17, 18],
    ["e", 21, 22],
    ["p", 25, 26]
  ] as const) {
    yield* Effect.acquireRelease(
      ip("link", "add", `${id}${cable}`, "type", "veth", "peer", "name", cable, "netns", id),
      () => Effect.sync(() => succeeds("link", "del", `${id}${cable}`))
    )
    yield* ip("addr", "add", `${base}.${near}/30`, "dev", `${id}${cable}`)
    yield* ip("link", "set", "dev", `${id}${cable}`, "up")
    yield* ip("-n", id, "addr", "add", `${base}.${far}/30`, "dev", cable)
    yield* ip("-n", id, "link", "set", "dev", cable, "up")
  }
  yield* ip("-n", id, "route", "add", `${databaseHost}/32`, "via", `${base}.17`)
  yield* ip("-n", id, "route", "add", `${serviceHost}/32`, "via", `${base}.21`)
  const cable = (far: Far) => `${id}${far === "database" ? "d" : "e"}`
  const network: Network = {
    means: "network namespace",
    databaseHost,
    serviceHost,
    host: `${base}.25`,
    lay: (database) =>
      Effect.succeed({
        host: `${base}.26`,
        network: id,
        database,
        env: {},
        cut: (far) => ip("link", "set", "dev", cable(far), "down"),
        mend: (far) => ip("link", "set", "dev", cable(far), "up")
      })
  }
  return network
})

const loopback = "127.0.0.1"

/** Nothing but the loopback. */
export const plain: Network = {
  means: "proxy",
  databaseHost: undefined,
  serviceHost: loopback,
  host: loopback,
  lay: Effect.fnUntraced(function* (database, api) {
    const wire = yield* Proxy.make(database)
    const way = yield* Reliability.make(api)
    return {
      host: loopback,
      network: undefined,
      database: wire.url,
      env: { http_proxy: way.proxy },
      cut: (far) => (far === "database" ? wire.cut : way.set("cut")),
      mend: (far) => (far === "database" ? wire.mend : way.set("fair"))
    }
  })
}

const canNamespace = (): boolean => {
  const id = `stf${process.pid}t`
  const isPossible =
    process.platform === "linux" &&
    process.getuid?.() === 0 &&
    succeeds("netns", "add", id) &&
    succeeds("link", "add", id, "type", "veth", "peer", "name", "t", "netns", id)
  if (process.platform === "linux") succeeds("netns", "del", id)
  return isPossible
}

/** A network in which one worker can be cut off, for as long as the scope is open. */
export const make: Effect.Effect<Network, never, Scope.Scope> = Effect.suspend(() =>
  canNamespace() ? namespaced : Effect.succeed(plain)
)
