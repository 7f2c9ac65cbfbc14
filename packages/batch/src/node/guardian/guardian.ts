/**
 * A small process beside a run: when the run vanishes, it releases the endpoint.
 *
 * It is a program of its own, on Node alone. Its standard input is its life line: the first line says what to guard, `done`
 * ends it, and the end of the pipe means that the run is gone. A run that is frozen holds its end of the pipe and is left
 * alone, since it may go on at any moment; what is left for it is the endpoint's own scale-to-zero.
 */
import * as readline from "node:readline"
import NodeProcess from "node:process"
import * as File from "../internal/leaseFile.ts"
import * as Fence from "./fence.ts"
import * as Order from "./order.ts"
import { release } from "./release.ts"

const given: PromiseWithResolvers<Order.Order> = Promise.withResolvers()
let latest: Order.Order | undefined
/** Why the guardian acts, or `undefined` when there is nothing to do. */
const over: PromiseWithResolvers<string | undefined> = Promise.withResolvers()

let isFirst = true
const lines = readline.createInterface({ input: NodeProcess.stdin })
lines.on("line", (line) => {
  if (isFirst) {
    isFirst = false
    latest = Order.parse(line)
    given.resolve(latest)
  } else if (line === Order.done) over.resolve(undefined)
  else if (line === Order.unconfirmed) over.resolve("the run gave its release up")
  else if (latest !== undefined) latest = Order.after(latest, line)
})
const end = () => {
  if (isFirst) NodeProcess.exit(0)
  over.resolve("the run is gone")
}
lines.on("close", end)
NodeProcess.stdin.on("error", end)

// A terminal that closes and a Ctrl-C are for the run.
for (const signal of ["SIGHUP", "SIGINT", "SIGPIPE", "SIGUSR2"] as const)
  NodeProcess.on(signal, () => undefined)

const order = await given.promise
// Whoever does not find the record now would not find it later, and walk away from an endpoint that runs.
const reading = File.read(order.file)
if (reading._tag !== "Found" || reading.record.id !== order.id)
  throw new Error(`it does not find the lease record at ${order.file}`)
NodeProcess.on("SIGTERM", () => {
  const leave = () => NodeProcess.exit(143)
  if (File.read(order.file)._tag !== "Found") return leave()
  Fence.within(Fence.watchOf(order), (record) =>
    Fence.tell(Fence.watchOf(order), record, "told to leave (SIGTERM)")
  ).then(leave, leave)
})
// Nobody reads what a guardian prints once it is up.
for (const stream of [NodeProcess.stdout, NodeProcess.stderr]) stream.on("error", () => undefined)
NodeProcess.stdout.write(`${Order.up}\n`)

const why = await over.promise
if (why !== undefined) await release(latest ?? order, why)
NodeProcess.exit(0)
