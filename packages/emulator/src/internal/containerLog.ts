/** What an endpoint's containers have written: the latest lines, and those to come. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

/** How many lines are kept. */
export const capacity = 10_000

/** How far a follower may fall behind before it loses the oldest. */
const patience = 1024

/** One line. */
export interface Line {
  readonly nanos: bigint
  readonly text: string
  readonly level: "info" | "warn" | "error"
  readonly replica: string | undefined
}

/** The log of one endpoint. It takes memory from its first line on, and never more than `capacity` lines of it. */
export interface ContainerLog {
  readonly append: (line: Line) => void
  /** The lines that are kept, oldest first. */
  readonly lines: () => ReadonlyArray<Line>
  /** Some of the lines that are kept, then every line as it comes, until the endpoint is deleted. */
  readonly follow: (since: (lines: ReadonlyArray<Line>) => ReadonlyArray<Line>) => Stream.Stream<Line>
  /** Ends the followers. */
  readonly end: () => void
}

/** Makes an empty log. */
export const make = (): ContainerLog => {
  const ring: Array<Line> = []
  const followers = new Set<Queue.Enqueue<Line, Cause.Done>>()
  let count = 0
  const lines = () => {
    const oldest = count > capacity ? count % capacity : 0
    return oldest === 0 ? [...ring] : [...ring.slice(oldest), ...ring.slice(0, oldest)]
  }
  return {
    append: (line) => {
      ring[count % capacity] = line
      count += 1
      for (const follower of followers) Queue.offerUnsafe(follower, line)
    },
    lines,
    follow: (since) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const queue = yield* Queue.sliding<Line, Cause.Done>(patience)
          // Read and subscribe in one step: no line is lost between the two, and none comes twice.
          const kept = yield* Effect.acquireRelease(
            Effect.sync(() => {
              followers.add(queue)
              return since(lines())
            }),
            () => Effect.sync(() => followers.delete(queue))
          )
          return Stream.concat(Stream.fromIterable(kept), Stream.fromQueue(queue))
        })
      ),
    end: () => {
      for (const follower of followers) Queue.endUnsafe(follower)
    }
  }
}
