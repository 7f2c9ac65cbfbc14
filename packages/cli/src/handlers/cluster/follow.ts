/** Something that changes, shown again and again: drawn over on a terminal, a line now and then in a log. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Cells from "../../ui/Cells.ts"
import { Screen } from "../../ui/Screen.ts"
import { formatMillis } from "../../ui/Times.ts"

/** What is seen at one moment. */
export interface Frame {
  readonly lines: ReadonlyArray<string>
  /** The same in one line. */
  readonly line: string
  readonly isOver: boolean
}

const LOOKED = Duration.seconds(1)
/** Milliseconds between two lines of a log, at first and after ten minutes. */
const SAID = [10_000, 60_000] as const
const LONG = 600_000

const CLEAR = "\r\u001b[J"

/** Below the line that the cursor stands on, which whoever else writes may use. */
const blockOf = (lines: ReadonlyArray<string>) =>
  `\r\u001b[K${lines.map((line) => `\n${line}\u001b[K`).join("")}\u001b[J\r\u001b[${lines.length}A`

/** Shows what is seen each second, until it is over, and gives what was seen then. */
export const follow = Effect.fnUntraced(function* <A extends Frame, E, R>(
  look: Effect.Effect<A, E, R>
): Effect.fn.Return<A, E, R | Screen> {
  const screen = yield* Screen
  const startedAt = yield* Clock.currentTimeMillis
  let toldAt = startedAt
  let isDrawn = false

  const show = Effect.fnUntraced(function* ({ line, lines }: Frame) {
    if (screen.canRedraw) {
      const columns = Math.max(1, screen.columns - 1)
      const fitting = lines.length + 2 <= (screen.rows ?? 24) ? lines : [line]
      isDrawn = true
      return yield* screen.write(blockOf(fitting.map((text) => Cells.clip(text, columns))))
    }
    const now = yield* Clock.currentTimeMillis
    const [often, seldom] = SAID
    if (now - toldAt < (now - startedAt >= LONG ? seldom : often)) return
    toldAt = now
    yield* screen.write(`[${formatMillis(now - startedAt)}] ${line}\n`)
  })

  return yield* Effect.gen(function* () {
    while (true) {
      const frame = yield* look
      if (frame.isOver) return frame
      yield* show(frame)
      yield* Effect.sleep(LOOKED)
    }
  }).pipe(Effect.ensuring(Effect.suspend(() => (isDrawn ? screen.write(CLEAR) : Effect.void))))
})
