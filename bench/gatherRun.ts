/** All rows in memory, a promise for each, and the file at the end: `node bench/gatherRun.ts <folder> <url> <count>`. */
import * as fs from "node:fs"
import pLimit from "p-limit"
import { Pool } from "undici"
import { measurePlain } from "./measurePlain.ts"

const [, , directory = "", url = "", count = ""] = process.argv
const IN_FLIGHT = 64

const run = async () => {
  const pool = new Pool(url, { connections: IN_FLIGHT, pipelining: 1 })
  const limit = pLimit(IN_FLIGHT)
  const headers = { "content-type": "application/json", authorization: "Bearer hf_bench" }
  const rows = fs
    .readFileSync(`${directory}/rows.jsonl`, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line): unknown => JSON.parse(line))
  const answers = await Promise.all(
    rows.map((row) =>
      limit(async () => {
        const { body } = await pool.request({ path: "/", method: "POST", headers, body: JSON.stringify(row) })
        return body.json()
      })
    )
  )
  if (answers.length !== Number(count)) throw new Error(`${answers.length} of ${count}`)
  // One string for all of them would be too long.
  const file = fs.openSync(`${directory}/gathered.jsonl`, "w")
  for (let from = 0; from < answers.length; from += 4096) {
    fs.writeSync(
      file,
      answers
        .slice(from, from + 4096)
        .map((answer) => `${JSON.stringify(answer)}\n`)
        .join("")
    )
  }
  fs.closeSync(file)
  await pool.destroy()
}

await measurePlain(run, Number(count))
