/** Counts up under a lease's lock, as one of many processes: `leaseWorker.ts FILE TIMES`. Prints a dot for each count. */
import * as fs from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import * as Lock from "../../src/node/internal/leaseLock.ts"

const [file = "", times = "0"] = process.argv.slice(2)

for (let done = 0; done < Number(times);) {
  const attempt = Lock.attempt(file, new Date().getTime())
  if (attempt._tag === "Held") {
    const before = Number(fs.readFileSync(file, "utf8"))
    // Long enough that another process would count the same number, were it let in.
    await sleep(1)
    fs.writeFileSync(`${file}.draft`, String(before + 1))
    fs.renameSync(`${file}.draft`, file)
    fs.writeSync(1, ".")
    attempt.release()
    done++
  } else await sleep(Math.trunc(performance.now() % 5))
}
