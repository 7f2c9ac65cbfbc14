/**
 * Help as the command prints it: wrapped to the terminal, and short where the command line was only mistyped.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as CliOutput from "effect/cli/CliOutput"
import type { FlagDoc, HelpDoc } from "effect/cli/HelpDoc"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"

/** How it is shown. */
export interface Options {
  readonly colors: boolean
  readonly columns: number
}

/** Wider than that lines are hard to read; narrower than that nothing is left of them. */
const WIDEST = 100
const NARROWEST = 40

/** Where descriptions begin, unless what stands before them is longer. */
const INDENT = 32

const paint = (code: number, isOn: boolean) => (text: string) =>
  isOn && text !== "" ? `\u001b[${code}m${text}\u001b[0m` : text

/** Whole words, as many on a line as fit. */
const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** A name, and its type beside it. */
interface Entry {
  readonly name: string
  readonly type: string
  readonly text: string
}

const flagEntry = ({ aliases, description, name, required, type }: FlagDoc): Entry => ({
  name: [`--${name}`, ...aliases].join(", "),
  type: type === "boolean" ? "" : type,
  // A type that names the choices needs them no second time.
  text: `${Option.getOrElse(description, () => "").replace(type.startsWith("<") ? / \(choices: [^)]*\)$/ : /$/, "")}${required ? " (needed)" : ""}`
})

/** A line that is too long for the terminal goes on in the next, as a shell takes it. */
const commandLines = (command: string, width: number): ReadonlyArray<string> => {
  const lines = wrap(
    command
      .replaceAll(/ (?=--?[a-z])/g, "\n")
      .replaceAll(" ", "\u00a0")
      .replaceAll("\n", " "),
    width - 6
  )
  return lines.map(
    (line, at) =>
      `${at === 0 ? "" : "    "}${line.replaceAll("\u00a0", " ")}${at === lines.length - 1 ? "" : " \\"}`
  )
}

/** Help as text. */
export const format = (doc: HelpDoc, { colors, columns }: Options): string => {
  const width = Math.min(WIDEST, Math.max(NARROWEST, columns))
  const bold = paint(1, colors)
  const dim = paint(2, colors)
  const green = paint(32, colors)
  const cyan = paint(36, colors)

  const table = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> => {
    const lengthOf = ({ name, type }: Entry) => name.length + (type === "" ? 0 : 1 + type.length)
    const indent = Math.min(width < 60 ? 6 : INDENT, Math.max(...entries.map(lengthOf)) + 4)
    return entries.flatMap((entry) => {
      const left = `  ${green(entry.name)}${entry.type === "" ? "" : ` ${dim(entry.type)}`}`
      const [first = "", ...rest] = wrap(entry.text, width - indent)
      const gap = indent - 2 - lengthOf(entry)
      const more = rest.map((line) => " ".repeat(indent) + line)
      return gap > 0
        ? [`${left}${" ".repeat(gap)}${first}`.trimEnd(), ...more]
        : [left, ...(first === "" ? [] : [" ".repeat(indent) + first]), ...more]
    })
  }
  const section = (title: string, lines: ReadonlyArray<string>) =>
    lines.length === 0 ? [] : ["", bold(title), ...lines]

  const path = doc.commandPath ?? []
  const scope = doc.globalFlagsScope ?? path.slice(0, 1)
  const globals = (doc.globalFlags ?? []).map(flagEntry)
  const subcommands = (doc.subcommands ?? []).flatMap(({ commands }) =>
    commands.map(({ description, name, shortDescription }) => ({
      name,
      type: "",
      text: shortDescription ?? description
    }))
  )
  const args = (doc.args ?? []).map(({ description, name, type, variadic }) => ({
    name: variadic ? `${name}...` : name,
    type,
    text: Option.getOrElse(description, () => "")
  }))
  const examples = (doc.examples ?? []).flatMap(({ command, description }, at) => [
    ...(at === 0 ? [] : [""]),
    ...(description === undefined ? [] : wrap(description, width - 4).map((line) => dim(`  # ${line}`))),
    ...commandLines(command, width - 4).map((line) => `  ${cyan(line)}`)
  ])
  return [
    ...wrap(doc.description, width),
    ...section("USAGE", [`  ${cyan(doc.usage)}`]),
    ...section("ARGUMENTS", args.length === 0 ? [] : table(args)),
    ...section("FLAGS", doc.flags.length === 0 ? [] : table(doc.flags.map(flagEntry))),
    ...section("COMMANDS", subcommands.length === 0 ? [] : table(subcommands)),
    ...(globals.length === 0
      ? []
      : scope.length === path.length
        ? section("FLAGS OF EVERY COMMAND", table(globals))
        : ["", ...wrap(`Flags of every command, as --log-level: ${scope.join(" ")} --help`, width).map(dim)]),
    ...section("EXAMPLES", examples)
  ].join("\n")
}

/** What is said of a command line that was not understood: what is wrong with it and where to read on, not all there is. */
const refusal = (
  { commandPath, errors, helpDoc }: CliOutput.Presenter.InvalidInvocation,
  { colors }: Options
): string =>
  [
    ...errors.map(({ message }) => `stint: ${paint(31, colors)(message)}`),
    "",
    `Usage: ${helpDoc.usage}`,
    `More:  ${commandPath.join(" ")} --help`
  ].join("\n")

/** Help on stdout, where it was asked for; what is wrong on stderr, where no program takes it for a result. */
export const layer = (columns: () => number): Layer.Layer<never> =>
  Layer.effect(
    CliOutput.Presenter,
    Effect.map(TerminalCapabilities, ({ canColor }) => {
      const options = () => ({ colors: canColor, columns: columns() })
      const plain = CliOutput.defaultFormatter({ colors: canColor })
      return {
        present: (event: CliOutput.Presenter.Event) => {
          switch (event._tag) {
            case "Help":
              return Console.log(format(event.helpDoc, options()))
            case "InvalidInvocation":
              return Console.error(refusal(event, options()))
            case "Version":
              return Console.log(plain.formatVersion(event.name, event.version))
          }
        }
      }
    })
  )
