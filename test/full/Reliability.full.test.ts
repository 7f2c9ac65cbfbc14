/** Every way to end in every phase of a run, with real processes: what docs/reliability.md says, and nothing else. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { ends } from "../reliability/Ends.ts"
import * as Matrix from "../reliability/Matrix.ts"
import * as Report from "../reliability/Report.ts"

const page = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  Effect.map(fs.readFileString("docs/reliability.md"), Report.read)
)

describe.concurrent("the page on reliability is right about", () => {
  // The long ones first.
  for (const end of ends.toReversed()) {
    const isPossible = Matrix.isPossible(end)
    if (!isPossible) process.stderr.write(`SKIPPED, this machine cannot: ${end.name}\n`)
    it.live.skipIf(!isPossible)(
      end.name,
      () =>
        Effect.gen(function* () {
          const claims = yield* page
          const results = yield* Matrix.row(end)
          assert.deepStrictEqual(
            results.flatMap((result) => Report.violations(result, claims)),
            []
          )
        }).pipe(Effect.provide(NodeServices.layer)),
      900_000
    )
  }
})
