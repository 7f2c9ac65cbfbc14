/**
 * A small process beside a run: when the run vanishes, it releases the endpoint.
 *
 * It is a program of its own, on Node alone. Its standard input is its life line: the first line says what to guard, `done`
 * ends it, and the end of the pipe means that the run is gone. A run that is frozen holds its end of the pipe and is left
 * alone, since it may go on at any moment; what is left for it is the endpoint's own scale-to-zero.
 */
import * as readline from "node:readline"
import NodeProcess from "node:process"
import * as Fence from "./fence.ts"
import * as Order from "./order.ts"
import { release } from "./release.ts"

const given: PromiseWithResolvers<Order.Order> = Promise.withResolvers()
/** Why the guardian acts, or `undefined` when there is nothing to do. */
const over: PromiseWithResolvers<string | undefined> = Promise.withResolvers()

let isFirst = true
const lines = readline.createInterface({ input: NodeProcess.stdin })
lines.on("line", (line) => {
  if (isFirst) {
    isFirst = false
    given.resolve(Order.parse(line))
  } else if (line === Order.done) over.resolve(undefined)
  else if (line === Order.unconfirmed) over.resolve("the run gave its release up")
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
NodeProcess.on("SIGTERM", () => {
  const leave = () => NodeProcess.exit(143)
  Fence.within(order, (record) => Fence.tell(order, record, "told to leave (SIGTERM)")).then(leave, leave)
})
// Nobody reads what a guardian prints once it is up.
for (const stream of [NodeProcess.stdout, NodeProcess.stderr]) stream.on("error", () => undefined)
NodeProcess.stdout.write(`${Order.up}\n`)

const why = await over.promise
if (why !== undefined) await release(order, why)
NodeProcess.exit(0)
