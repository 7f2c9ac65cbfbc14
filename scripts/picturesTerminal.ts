/**
 * A real terminal to take pictures in: tmux, with a shell that knows `stint`, a home of its own and nothing else.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { plainOf } from "./picturesScreen.ts"
import { root, run } from "./run.ts"

/** What a reader sees instead of the temporary folder. */
const HOME = "~"

export interface Terminal {
  /** Types a line, and presses Enter. */
  readonly type: (line: string) => Promise<void>
  readonly press: (key: string) => Promise<void>
  /** The screen as it is, with its colours. */
  readonly screen: () => Promise<string>
  /** Waits until the screen holds the text, and gives the screen. */
  readonly shows: (text: string | RegExp, seconds?: number) => Promise<string>
  readonly clear: () => Promise<void>
  /** Runs a line out of sight, and gives what it prints. */
  readonly aside: (line: string) => Promise<string>
  readonly folder: string
  readonly close: () => Promise<void>
}

export const open = async (options: {
  readonly columns: number
  readonly rows: number
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
}): Promise<Terminal> => {
  const { columns, folder, rows } = options
  const socket = `stint-pictures-${process.pid}`
  const tools = path.join(folder, ".bin")
  fs.mkdirSync(tools, { recursive: true })
  const command = path.join(root, "packages/cli/src/bin.ts")
  fs.writeFileSync(path.join(tools, "stint"), `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`, {
    mode: 0o755
  })
  const env = {
    PATH: `${tools}:${process.env["PATH"] ?? ""}`,
    HOME: path.join(folder, "home"),
    LANG: "C.UTF-8",
    PS1: "$ ",
    ...options.env
  }
  fs.mkdirSync(env.HOME, { recursive: true })
  const tmux = async (...args: ReadonlyArray<string>) => {
    const { code, output } = await run("tmux", ["-u", "-L", socket, "-f", "/dev/null", ...args], {
      cwd: folder,
      env: { ...env, TERM: "xterm-256color" }
    })
    if (code !== 0) throw new Error(`tmux ${args[0]}: ${output}`)
    return output
  }
  await tmux("new-session", "-d", "-x", `${columns}`, "-y", `${rows}`, "bash --norc --noprofile")

  const shown = (text: string) => text.replaceAll(env.HOME, HOME).replaceAll(folder, HOME)
  const screen = async () => shown(await tmux("capture-pane", "-p", "-e"))
  const shows = async (text: string | RegExp, seconds = 60) => {
    const end = Date.now() + seconds * 1000
    for (;;) {
      const now = await screen()
      const plain = plainOf(now)
      if (typeof text === "string" ? plain.includes(text) : text.test(plain)) return now
      if (Date.now() > end)
        throw new Error(`The terminal does not show ${text} within ${seconds} s:\n${plain}`)
      await sleep(100)
    }
  }
  const press = async (key: string) => void (await tmux("send-keys", key))
  return {
    folder,
    screen,
    shows,
    press,
    type: async (line) => {
      await tmux("send-keys", "-l", line)
      await press("Enter")
    },
    clear: async () => {
      await tmux("send-keys", "-l", "clear")
      await press("Enter")
      await sleep(300)
      await tmux("clear-history")
    },
    aside: async (line) => {
      const { code, output } = await run("bash", ["--norc", "-c", line], { cwd: folder, env })
      if (code !== 0) throw new Error(`${line}\n${output}`)
      return output
    },
    close: async () => void (await tmux("kill-server"))
  }
}
