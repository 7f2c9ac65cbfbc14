/** What containers write while they come up, serve and fall over. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as ContainerLog from "./containerLog.ts"
import type { Held } from "./held.ts"

type Level = ContainerLog.Line["level"]

const write = (held: Held, level: Level, replica: string | undefined, ...lines: ReadonlyArray<string>) =>
  Effect.map(Clock.currentTimeNanos, (nanos) => {
    for (const text of lines) held.log.append({ nanos, text, level, replica })
  })

/** A container has begun to start. */
export const booting = (held: Held, replica: string) =>
  write(
    held,
    "info",
    replica,
    `Starting container: engine ${held.engine.name}, task ${held.spec.task}`,
    `Loading ${held.spec.repository} from /repository`
  )

/** A container answers its health route. */
export const ready = (held: Held, replica: string) =>
  write(held, "info", replica, `Application startup complete, listening on 0.0.0.0:${held.spec.port}`)

/** A container has exited. */
export const exited = (held: Held, replica: string, reason: string) =>
  write(held, "error", replica, `RuntimeError: ${reason}`, "Container exited with code 1")

/** One request and its answer. */
export const served = (
  held: Held,
  replica: string,
  request: {
    readonly method: string
    readonly path: string
    readonly status: number
    readonly millis: number
  }
) => {
  const { method, millis, path, status } = request
  const level = status >= 500 ? "error" : status >= 400 ? "warn" : "info"
  return write(held, level, replica, `${method} ${path} ${status} ${Math.round(millis)}ms`)
}
