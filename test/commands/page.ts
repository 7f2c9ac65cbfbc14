/** The page of all commands: the help of each, as the command itself says it at 80 columns. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ExitCode, cli } from "@stint/cli"
import { Console, Effect, Layer, Ref } from "effect"
import { CliOutput, Command } from "effect/cli"
import type { HelpDoc } from "effect/cli"
import { FetchHttpClient } from "effect/http"
import { ExitStatus } from "../../packages/cli/src/ExitStatus.ts"
import * as Signals from "../../packages/cli/src/Signals.ts"
import * as Help from "../../packages/cli/src/ui/Help.ts"
import { Screen } from "../../packages/cli/src/ui/Screen.ts"

/** What each code means, for `satisfies` to find one that is forgotten. */
const meanings = {
  success: "everything was done; the endpoint of a run is released, and that is confirmed",
  defect: "a defect of Stint",
  refused: "the command line, the input or the settings are refused; nothing was woken or changed",
  itemsFailed:
    "finished, and some rows failed: they are in `errors.jsonl`; or `--skip-invalid` left some out",
  stopped: "stopped by too many failures, a cost, a deadline, the account; what was done is kept",
  releaseUnconfirmed:
    "**the release is not confirmed: the endpoint may still be billing** (goes before every other code)",
  notReady: "the endpoint is not there, or could not be made ready",
  pausedByOther: "somebody else paused the endpoint; what was done is kept",
  locked: "another run holds the output folder or the endpoint",
  unwell: "a check of `stint doctor` failed"
} satisfies Record<keyof typeof ExitCode.ExitCode, string>

const signals = {
  SIGHUP: "stopped by SIGHUP; the release is confirmed",
  SIGINT: "stopped by SIGINT (Ctrl-C); the release is confirmed",
  SIGTERM: "stopped by SIGTERM; the release is confirmed"
} satisfies Record<keyof typeof ExitCode.signalCodes, string>

/** As the house's format has it: cells of one width. */
const codes = (() => {
  const rows = [
    ...Object.entries(ExitCode.ExitCode).map(([name, code]) => [`\`${code}\``, Reflect.get(meanings, name)]),
    ...Object.entries(ExitCode.signalCodes).map(([name, code]) => [`\`${code}\``, Reflect.get(signals, name)])
  ].map((row) => row.map(String))
  const all = [["code", "means"], ...rows]
  const widths = [0, 1].map((at) => Math.max(...all.map((row) => row[at]?.length ?? 0)))
  const line = (row: ReadonlyArray<string>, blank = " ") =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0, blank)).join(" | ")} |`
  return [line(["code", "means"]), line(["", ""], "-"), ...rows.map((row) => line(row))]
})()

/** The names of all commands, each after the one that it belongs to. */
export const paths: ReadonlyArray<ReadonlyArray<string>> = (() => {
  const under = (
    command: Command.Command.Any,
    path: ReadonlyArray<string>
  ): ReadonlyArray<ReadonlyArray<string>> => [
    path,
    ...command.subcommands.flatMap(({ commands }) =>
      commands.flatMap((one) => under(one, [...path, one.name]))
    )
  ]
  return under(cli, [])
})()

/** What the command asks for to be there, and does not come to use for its help. */
const world = Layer.mergeAll(
  NodeServices.layer,
  FetchHttpClient.layer,
  Layer.effect(ExitStatus, Ref.make(0)),
  Layer.effect(Signals.Signals, Signals.make),
  Layer.succeed(Screen, {
    write: () => Effect.void,
    canRedraw: false,
    canColor: false,
    columns: 80,
    rows: 24
  })
)

/** The help of a command. */
export const helpOf = Effect.fn(function* (path: ReadonlyArray<string>) {
  const docs: Array<HelpDoc.HelpDoc> = []
  const present = (event: CliOutput.Presenter.Event) =>
    Effect.sync(() => {
      if (event._tag === "Help") docs.push(event.helpDoc)
    })
  yield* Command.runWith(cli, { version: "0" })([...path, "--help"]).pipe(
    Effect.provideService(CliOutput.Presenter, { present }),
    Effect.provide(world)
  )
  const [doc] = docs
  return doc ?? (yield* Effect.die(`no help for ${path.join(" ")}`))
})

/** The script that completes the command in a shell. */
export const completionsFor = Effect.fn(function* (shell: "bash" | "zsh" | "fish") {
  const lines: Array<string> = []
  yield* Command.runWith(cli, { version: "0" })(["--completions", shell]).pipe(
    Effect.provideService(Console.Console, {
      ...globalThis.console,
      log: (...words: ReadonlyArray<unknown>) => void lines.push(words.join(" "))
    }),
    Effect.provide(world)
  )
  return lines.join("\n")
})

const chapter = (path: ReadonlyArray<string>, doc: HelpDoc.HelpDoc) =>
  [
    `## \`${["stint", ...path].join(" ")}\``,
    "",
    "```text",
    Help.format(doc, { colors: false, columns: 80 }),
    "```",
    ""
  ].join("\n")

/** The page. */
export const page = Effect.map(
  Effect.forEach(paths, (path) => Effect.map(helpOf(path), (doc) => chapter(path, doc))),
  (chapters) =>
    [
      "# Commands",
      "",
      "What `--help` says of each command, at 80 columns. Written by `npm run commands` from the command itself.",
      "",
      "Results go to stdout, and all else to stderr; `--json` makes the results JSON. Colour is for terminals, and",
      "`NO_COLOR` turns it off. `stint --completions bash` (`zsh`, `fish`) prints completions for the shell, and `--wizard` asks",
      "for the flags of a command one by one.",
      "",
      "A start is quicker when what Node compiled is kept: in `~/.cache/stint` (`XDG_CACHE_HOME`, `~/Library/Caches`,",
      "`LOCALAPPDATA`). `NODE_COMPILE_CACHE` names another folder, `NODE_DISABLE_COMPILE_CACHE=1` keeps nothing.",
      "",
      "## Exit codes",
      "",
      ...codes,
      "",
      "Which error ends with which code is in [errors.md](errors.md).",
      "",
      ...chapters
    ]
      .join("\n")
      .trimEnd()
      .concat("\n")
)
