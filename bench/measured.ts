/** What one program of a bench has to say of itself: a line of JSON on its output. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const Measured = Schema.Struct({
  /** Of the processor, kernel included. */
  microsEach: Schema.Finite,
  perSecond: Schema.Finite,
  peakMegabytes: Schema.Finite,
  /** What lies on the disk in the end, the input not counted. */
  bytesEach: Schema.optionalKey(Schema.Finite)
})

export type Measured = typeof Measured.Type

const Line = Schema.fromJsonString(Measured)

export const decode = Schema.decodeEffect(Line)

/** Runs a program that does so many things, and prints what they cost; the program may say what it left on the disk. */
export const measure = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  count: number,
  bytesOf: Effect.Effect<number | undefined, E, R> = Effect.undefined
) =>
  Effect.gen(function* () {
    const cpu = process.cpuUsage()
    const from = performance.now()
    yield* program
    const seconds = (performance.now() - from) / 1000
    const { system, user } = process.cpuUsage(cpu)
    const bytes = yield* bytesOf
    const line = yield* Schema.encodeEffect(Line)({
      microsEach: (system + user) / count,
      perSecond: count / seconds,
      peakMegabytes: process.resourceUsage().maxRSS / 1024,
      ...(bytes === undefined ? {} : { bytesEach: bytes / count })
    })
    process.stdout.write(`${line}\n`)
  })
