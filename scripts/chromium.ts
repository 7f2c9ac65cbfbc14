/**
 * A browser without a window, where there is one on this machine: pictures and papers of a page, and what the page says and
 * asks for while it is looked at.
 */
import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { pathToFileURL } from "node:url"

/** The program, if there is one. */
export const program = (): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(path.delimiter)
    .flatMap((dir) => ["chromium", "chromium-browser", "google-chrome"].map((name) => path.join(dir, name)))
    .find((file) => fs.existsSync(file))

export interface Look {
  readonly width: number
  /** Of the picture; the whole page where it is not given. */
  readonly height?: number
  readonly isDark?: boolean
  readonly scale?: number
}

export interface Seen {
  /** PNG. */
  readonly picture: Buffer
  /** What it said on the console. */
  readonly said: ReadonlyArray<string>
  /** What it asked for, itself left out. */
  readonly asked: ReadonlyArray<string>
  /** Whether anything is wider than the screen. */
  readonly isTooWide: boolean
  readonly height: number
}

export interface Browser {
  readonly look: (file: string, options: Look) => Promise<Seen>
  readonly print: (file: string) => Promise<Buffer>
  readonly evaluate: (file: string, expression: string) => Promise<unknown>
  readonly close: () => Promise<void>
}

const field = (value: unknown, ...keys: ReadonlyArray<string>): unknown =>
  keys.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined),
    value
  )

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value))

const connect = async (url: string) => {
  const socket = new WebSocket(url)
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve())
    socket.addEventListener("error", () => reject(new Error("The browser does not answer.")))
  })
  let last = 0
  const waiting = new Map<number, (message: unknown) => void>()
  const events: Array<readonly [method: string, params: unknown]> = []
  socket.addEventListener("message", ({ data }) => {
    const message: unknown = JSON.parse(String(data))
    const id = field(message, "id")
    if (typeof id === "number") waiting.get(id)?.(message)
    else events.push([text(field(message, "method")), field(message, "params")])
  })
  const call = (method: string, params: object = {}) =>
    new Promise<unknown>((resolve, reject) => {
      const id = ++last
      waiting.set(id, (message) => {
        const error = field(message, "error", "message")
        if (error === undefined) resolve(field(message, "result"))
        else reject(new Error(`${method}: ${text(error)}`))
      })
      socket.send(JSON.stringify({ id, method, params }))
    })
  return { call, events, close: () => socket.close() }
}

/** Starts it with an empty profile. */
export const start = async (file: string): Promise<Browser> => {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "stint-chromium-"))
  const child: ChildProcess = spawn(
    file,
    [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--hide-scrollbars",
      "--no-first-run",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      "about:blank"
    ],
    { stdio: "ignore" }
  )
  const portFile = path.join(profile, "DevToolsActivePort")
  for (
    let i = 0;
    i < 300 && !(fs.existsSync(portFile) && fs.readFileSync(portFile, "utf8").includes("\n"));
    i++
  )
    await sleep(100)
  const [port] = fs.readFileSync(portFile, "utf8").split("\n")

  const opened = async <A>(use: (tab: Awaited<ReturnType<typeof connect>>) => Promise<A>) => {
    const answer = await fetch(`http://127.0.0.1:${port}/json/new?about:blank`, { method: "PUT" })
    const target: unknown = await answer.json()
    const tab = await connect(text(field(target, "webSocketDebuggerUrl")))
    try {
      for (const domain of ["Page", "Runtime", "Log", "Network"]) await tab.call(`${domain}.enable`)
      return await use(tab)
    } finally {
      tab.close()
      await fetch(`http://127.0.0.1:${port}/json/close/${text(field(target, "id"))}`)
    }
  }
  const go = async ({ call, events }: Awaited<ReturnType<typeof connect>>, page: string) => {
    await call("Page.navigate", { url: pathToFileURL(page).href })
    for (let i = 0; i < 300 && !events.some(([method]) => method === "Page.loadEventFired"); i++)
      await sleep(50)
    await sleep(200)
  }
  const valueOf = async ({ call }: Awaited<ReturnType<typeof connect>>, expression: string) =>
    field(await call("Runtime.evaluate", { expression, returnByValue: true }), "result", "value")

  return {
    look: (page, { height, isDark = false, scale = 1, width }) =>
      opened(async (tab) => {
        const { call, events } = tab
        const size = (tall: number) =>
          call("Emulation.setDeviceMetricsOverride", {
            width,
            height: tall,
            deviceScaleFactor: scale,
            mobile: width < 600
          })
        await size(height ?? 900)
        await call("Emulation.setEmulatedMedia", {
          features: [{ name: "prefers-color-scheme", value: isDark ? "dark" : "light" }]
        })
        await go(tab, page)
        const tall = Number(await valueOf(tab, "document.documentElement.scrollHeight"))
        const wide = Number(await valueOf(tab, "document.documentElement.scrollWidth"))
        if (height === undefined) await size(tall)
        await sleep(100)
        const shot = await call("Page.captureScreenshot", { format: "png" })
        const said = events.flatMap(([method, params]) =>
          method === "Runtime.consoleAPICalled" ||
          method === "Runtime.exceptionThrown" ||
          method === "Log.entryAdded"
            ? [JSON.stringify(params)]
            : []
        )
        const own = pathToFileURL(page).href
        const asked = events.flatMap(([method, params]) => {
          const url = text(field(params, "request", "url"))
          return method === "Network.requestWillBeSent" && url !== own && !url.startsWith("data:")
            ? [url]
            : []
        })
        return {
          picture: Buffer.from(text(field(shot, "data")), "base64"),
          said,
          asked,
          isTooWide: wide > width,
          height: tall
        }
      }),
    print: (page) =>
      opened(async (tab) => {
        await go(tab, page)
        const paper = await tab.call("Page.printToPDF", { printBackground: false })
        return Buffer.from(text(field(paper, "data")), "base64")
      }),
    evaluate: (page, expression) =>
      opened(async (tab) => {
        await go(tab, page)
        return valueOf(tab, expression)
      }),
    close: async () => {
      child.kill()
      await new Promise((resolve) =>
        child.exitCode === null ? child.once("exit", resolve) : resolve(undefined)
      )
      fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}
