import { assert, it } from "@effect/vitest"
import { groups } from "../../bench/harness/profile.ts"
import { shares } from "../../bench/harness/profiled.ts"

const frame = (id: number, functionName: string, url: string, children: ReadonlyArray<number> = []) => ({
  id,
  callFrame: { functionName, url },
  children
})

const profile = {
  nodes: [
    frame(1, "(root)", "", [2, 3, 4, 7]),
    frame(2, "(idle)", ""),
    frame(3, "decide", "file:///x/packages/batch/src/internal/engine/decision.ts", [5, 6]),
    frame(4, "load", "node:internal/modules/esm/loader", [8, 9]),
    frame(5, "writev", ""),
    frame(6, "runLoop", "file:///x/node_modules/.pnpm/effect@4/node_modules/effect/dist/internal/effect.js"),
    frame(7, "(garbage collector)", ""),
    frame(8, "readFile", "node:fs"),
    frame(9, "decide", "file:///x/packages/batch/src/internal/engine/decision.ts")
  ],
  samples: [2, 3, 5, 6, 7, 8, 9, 3],
  timeDeltas: [100, 10, 20, 5, 3, 1000, 1, 10]
}

it("a profile is told by whose code runs, without what loads it and without idle time", () => {
  assert.deepStrictEqual(groups(profile), [
    ["batch/internal/engine/decision.ts", 21],
    ["native writev", 20],
    ["effect", 5],
    ["garbage collection", 3]
  ])
})

it("profiles stand side by side, in percent of each, without what is less than a fiftieth of all of them", () => {
  const only = { nodes: [frame(1, "writev", "")], samples: [1], timeDeltas: [9000] }
  const { columns, rows } = shares("", "", [
    { name: "a", profile: { ...profile, timeDeltas: [100, 10, 20, 5, 0, 1000, 5, 10] } },
    { name: "b", profile: only }
  ])
  assert.deepStrictEqual(columns, ["", "a", "b"])
  assert.deepStrictEqual(rows, [
    ["native writev", "40.0", "100"],
    ["batch/internal/engine/decision.ts", "50.0", "0"],
    ["effect", "10.0", "0"]
  ])
})
