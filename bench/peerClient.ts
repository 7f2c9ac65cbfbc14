/** One of others' ways to embed many texts and write the vectors down: `node bench/peerClient.ts <way> <url> <count>`. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { measurePlain } from "./measurePlain.ts"
import * as PeerWays from "./peerWays.ts"

const [, , asked = "", url = "", count = ""] = process.argv
const COUNT = Number(count)
const WARM_UP = Math.min(2000, COUNT)

const way = PeerWays.ways.find((each) => each === asked)
if (way === undefined) throw new Error(`There is no way called ${asked}.`)

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"))
const embed = await PeerWays.make(way, url, "hf_bench")

/** All in memory, and then into a file. */
const run = async (count: number, prefix: string) => {
  const fates = await embed([...PeerWays.rowsOf(count, prefix)])
  const good = fates.filter((fate) => "vector" in fate)
  if (good.length !== count) throw new Error(`${good.length} of ${count} succeeded`)
  const lines = good.map((fate) => `${JSON.stringify(fate)}\n`).join("")
  fs.writeFileSync(path.join(directory, `${prefix}results.jsonl`), lines)
}

await run(WARM_UP, "warm-")
await measurePlain(() => run(COUNT, "row-"), COUNT)
fs.rmSync(directory, { recursive: true })
