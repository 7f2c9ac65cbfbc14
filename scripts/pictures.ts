/**
 * Writes docs/pictures: `npm run pictures`. Starts the emulator and the real command in a real terminal, and draws what is on
 * its screen; records one run as a cast; takes pictures of that run's report in a browser, where there is one.
 *
 * Needs tmux and util-linux's `script`. Nothing is made up: figures are those of the run.
 */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Chromium from "./chromium.ts"
import { plainOf, svg } from "./picturesScreen.ts"
import * as Terminal from "./picturesTerminal.ts"
import { root, run } from "./run.ts"

const COLUMNS = 80
const ROWS = 46
const home = path.join(root, "docs/pictures")

const spec = {
  repository: "HuggingFaceTB/SmolLM2-1.7B-Instruct",
  task: "text-generation",
  accelerator: "gpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "nvidia-l4",
  instanceSize: "x1",
  image: { vLLM: { url: "vllm/vllm-openai:v0.11.0", port: 8000 } }
}

/** A slow engine that is busy for a while, and a few rows that it does not like. */
const scenario = {
  rules: [
    { on: { plane: "data", from: 400, to: 440 }, do: { status: 429 } },
    {
      on: { plane: "data", path: "/v1/chat/completions", from: 900, to: 906 },
      do: { status: 422, body: { error: "the prompt holds a picture, and this model reads text only" } }
    },
    { on: { plane: "data" }, do: { delay: "1500 millis" } }
  ]
}

const places = ["Bergen", "Lisbon", "Osaka", "Valparaíso", "Halifax", "Dakar", "Hobart", "Naples"]
const rowsOf = (count: number) =>
  Array.from({ length: count }, (_, i) => {
    const place = places[i % places.length] ?? ""
    return `${JSON.stringify({ id: `row-${i}`, input: `Describe the harbour of ${place} at ${i % 24} o'clock.` })}\n`
  }).join("")

/** The emulator, on a free port. */
const emulator = async (folder: string) => {
  const file = path.join(folder, ".faults.json")
  fs.writeFileSync(file, JSON.stringify(scenario))
  const child = spawn(
    process.execPath,
    [path.join(root, "packages/cli/src/bin.ts"), "emulate", "--boot", "8s", "--scenario", file],
    { stdio: ["ignore", "pipe", "inherit"] }
  )
  const line = await new Promise<string>((resolve, reject) => {
    let said = ""
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      said += part
      if (said.includes("\n")) resolve(said)
    })
    child.once("exit", () => reject(new Error("The emulator does not start.")))
  })
  const found = (name: string) => new RegExp(`"${name}":"([^"]+)"`).exec(line)?.[1] ?? ""
  return {
    env: {
      STINT_API_URL: found("management"),
      STINT_CATALOG_URL: found("catalog"),
      HF_ENDPOINT: found("hub"),
      HF_TOKEN: found("token"),
      HF_ENDPOINTS_NAMESPACE: found("namespace")
    },
    stop: () => void child.kill()
  }
}

/** What `script` recorded as an asciicast, version 2. */
const cast = (log: string, timing: string, title: string): string => {
  const bytes = Buffer.from(log)
  // Its own first and last line are not what the command says.
  let [at, time] = [bytes.indexOf("\n") + 1, 0]
  const end = bytes.lastIndexOf("\nScript done")
  const decoder = new TextDecoder()
  const events = timing
    .trim()
    .split("\n")
    .flatMap((line) => {
      const [delay = "0", size = "0"] = line.split(" ")
      time += Number(delay)
      const part = decoder.decode(bytes.subarray(at, Math.min(end, at + Number(size))), { stream: true })
      at += Number(size)
      return part === "" ? [] : [JSON.stringify([Math.round(time * 1000) / 1000, "o", part])]
    })
  const header = { version: 2, width: COLUMNS, height: 24, title, env: { TERM: "xterm-256color" } }
  return `${[JSON.stringify(header), ...events].join("\n")}\n`
}

const draw = (name: string, screen: string, title: string, description: string) => {
  fs.writeFileSync(path.join(home, `${name}.svg`), svg(screen, { columns: COLUMNS, description, title }))
  console.log(`${name}.svg`)
}

const scenes = async (terminal: Terminal.Terminal, folder: string) => {
  const { aside, clear, press, screen, shows, type } = terminal
  const command = "stint run rows.jsonl -e batch-chat --spec endpoint.json --job chat -o out"
  const prompt = /\n\$ *$/

  await type("PS1='$ '")
  await clear()
  await type("stint plan rows.jsonl --job chat --spec endpoint.json --deadline 30m")
  draw(
    "plan",
    await shows(prompt),
    "stint plan",
    "A table of hardware with price, billed minutes and dollars for 3,000 rows, each with its range, and how many replicas a deadline takes."
  )

  await clear()
  await type(command)
  await shows(/initializing for [4-9]s/)
  draw(
    "run-boot",
    await screen(),
    "stint run, while the endpoint boots",
    "The state of the endpoint and for how long it has been in it, what it waits for, when the run gives up, and what the boot has cost."
  )
  await shows(/ (?:4|5)\d %/, 300)
  draw(
    "run-middle",
    await screen(),
    "stint run, in the middle",
    "Rows done of 3,000, what is left with a range of time, rows that failed, rows a second, requests in flight against their limit, dollars so far and expected, and failed attempts by cause."
  )
  draw(
    "run-end",
    await shows(prompt, 300),
    "stint run, at the end",
    "The endpoint is paused, read back from the API; rows done and failed, time, billed minutes, dollars, dollars per 1,000 rows."
  )
  fs.cpSync(path.join(folder, "out"), path.join(folder, "whole"), { recursive: true })

  await clear()
  await aside("head -n 1500 rows.jsonl > again.jsonl")
  await type("stint run again.jsonl -e batch-chat --spec endpoint.json --job chat -o again")
  await shows(/ [2-9]\d %/, 120)
  await press("C-c")
  draw(
    "ctrl-c",
    await shows(prompt),
    "stint run, stopped with Ctrl-C",
    "What is in flight is finished, the endpoint is paused and read back; the summary says how many rows are done and how many are left."
  )

  await clear()
  for (const line of [
    "stint endpoints create search-embed --repository BAAI/bge-small-en-v1.5 --task feature-extraction --vendor aws --region us-east-1 --instance-type intel-spr --instance-size x2 --tag search",
    "stint endpoints create summaries-llama-70b-instruct --repository meta-llama/Llama-3.3-70B-Instruct --task text-generation --vendor aws --region us-east-1 --instance-type nvidia-a100 --instance-size x2 --tag nightly",
    "stint endpoints pause summaries-llama-70b-instruct"
  ])
    await aside(line)
  await shows("$")
  await type("stint endpoints list")
  draw(
    "endpoints",
    await shows(prompt),
    "stint endpoints list",
    "A table of endpoints: name, state, dollars an hour now, hardware, model, age; below it how many are billed and what they cost together."
  )

  await clear()
  await type("stint doctor")
  draw(
    "doctor",
    await shows(prompt),
    "stint doctor",
    "A list of checks, each with ok: node, token, account, permissions, namespace, hub, API, clock, proxies, config, leases, guardian, disk."
  )

  // A run that is killed, without a guardian: what a sweep is for.
  await clear()
  await type(
    "stint run again.jsonl -e batch-chat --spec endpoint.json --job chat -o killed --no-guardian & PID=$!"
  )
  await shows(/rows .* [1-9]\d* of 1,500/, 120)
  await type("kill -9 $PID; wait $PID")
  await shows("Killed")
  await clear()
  await type("stint sweep")
  await shows(/Release it\?|Release these/)
  await press("y")
  draw(
    "sweep",
    await shows(/read back from the API[\s\S]*\$ *$/),
    "stint sweep",
    "The endpoint that a killed run left awake, found by its record, with its price, a question, and its release, read back from the API."
  )

  await clear()
  fs.writeFileSync(path.join(folder, "some.jsonl"), rowsOf(600))
  const some = "stint run some.jsonl -e batch-chat --spec endpoint.json --job chat -o some"
  await type(`stty rows 24; script -q -O .log -T .timing -c '${some}'; echo over`)
  await shows(/\nover/, 300)
  const [log, timing] = [".log", ".timing"].map((name) => fs.readFileSync(path.join(folder, name), "utf8"))
  fs.writeFileSync(path.join(home, "run.cast"), cast(log ?? "", timing ?? "", some))
  console.log("run.cast")
}

const pages = async (folder: string) => {
  const program = Chromium.program()
  if (program === undefined) return console.log("pictures of the report: skipped, no Chromium")
  const browser = await Chromium.start(program)
  const page = path.join(folder, "whole/report.html")
  try {
    for (const [name, look] of [
      ["report-light", { width: 1000, height: 900 }],
      ["report-dark", { width: 1000, height: 900, isDark: true }],
      ["report-phone", { width: 390, height: 844, scale: 2 }]
    ] as const) {
      const { asked, isTooWide, picture, said } = await browser.look(page, look)
      if (said.length + asked.length > 0 || isTooWide)
        throw new Error(
          `${name}: ${[...said, ...asked, ...(isTooWide ? ["it is too wide"] : [])].join("; ")}`
        )
      fs.writeFileSync(path.join(home, `${name}.png`), picture)
      console.log(`${name}.png`)
    }
  } finally {
    await browser.close()
  }
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stint-pictures-"))
fs.mkdirSync(home, { recursive: true })
fs.writeFileSync(path.join(folder, "endpoint.json"), JSON.stringify(spec))
fs.writeFileSync(path.join(folder, "rows.jsonl"), rowsOf(3000))
const service = await emulator(folder)
try {
  const terminal = await Terminal.open({ columns: COLUMNS, rows: ROWS, folder, env: service.env })
  try {
    await scenes(terminal, folder)
  } catch (error) {
    console.error(plainOf(await terminal.screen()))
    throw error
  } finally {
    await terminal.close()
  }
  await pages(folder)
} finally {
  service.stop()
  fs.rmSync(folder, { recursive: true, force: true })
}
const { output } = await run("du", ["-sk", home])
console.log(`${output.split("\t")[0]} kB in docs/pictures`)
