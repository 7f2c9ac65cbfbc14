/** Every error has its place on the page of errors, and says what happened, where, and what to do. */
import { assert, describe, it } from "@effect/vitest"
import { ExitCode } from "@stint/cli"
import { Cause, Schema } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { page } from "./errors/page.ts"
import { chapters } from "./errors/samples.ts"

const root = path.join(import.meta.dirname, "..")
const samples = chapters.flatMap(({ samples }) => samples)

/** Folders whose modules are for others to import. */
const folders = [
  "packages/core/src",
  "packages/batch/src",
  "packages/batch/src/node",
  "packages/batch/src/parquet",
  "packages/cli/src",
  "packages/cli/src/commands"
]

const isErrorClass = (value: unknown): boolean =>
  typeof value === "function" && value.prototype instanceof Error && Schema.isSchema(value)

/** The classes of errors that the packages export, by name. */
const exported = async (): Promise<ReadonlyMap<unknown, string>> => {
  const found = new Map<unknown, string>()
  for (const folder of folders) {
    for (const file of fs.readdirSync(path.join(root, folder))) {
      // The program itself would start; and what the server writes becomes an `ApiError` before anybody sees it.
      if (!file.endsWith(".ts") || file === "bin.ts" || file === "ControlPlane.ts") continue
      const module: object = await import(pathToFileURL(path.join(root, folder, file)).href)
      for (const [name, value] of Object.entries(module)) {
        if (isErrorClass(value)) found.set(value, name)
      }
    }
  }
  return found
}

describe("the page of errors", () => {
  it("has an example of every error class that a package exports", async () => {
    const classes = await exported()
    assert.isAbove(classes.size, 30)
    // An `ApiError` is shown with each of its reasons.
    const shown = new Set<unknown>(
      samples.flatMap(({ error }) => {
        const reason: unknown = Reflect.get(error, "reason")
        return [error.constructor, typeof reason === "object" ? reason?.constructor : undefined]
      })
    )
    const missing = [...classes].filter(([one]) => !shown.has(one)).map(([, name]) => name)
    assert.deepStrictEqual(missing, [], "add them to test/errors/samples.ts")
  })

  it("is as `npm run errors` writes it", () => {
    const written = fs.readFileSync(path.join(root, "docs/errors.md"), "utf8")
    assert.strictEqual(written, page(), "run `npm run errors`")
  })

  it("has no error of the command that ends like a defect", () => {
    const ofLibrary = new Set([
      "Fault",
      "Mismatch",
      "Truncated",
      "ResponseTooLarge",
      "RequestAborted",
      "UnknownEncoding",
      "HardwareUnavailable"
    ])
    for (const { error } of samples) {
      if (ofLibrary.has(error._tag)) continue
      assert.notStrictEqual(ExitCode.fromCause(Cause.fail(error)), ExitCode.ExitCode.defect, error._tag)
    }
  })

  for (const { error } of samples.filter(({ error }) => !["Fault", "RequestAborted"].includes(error._tag))) {
    it(`${error._tag}: is in plain sentences, names its thing and shouts of money alone`, () => {
      const { message } = error
      assert.match(message, /^\S.{30,}/s)
      assert.match(message, /[.:)`\w]$/)
      assert.notMatch(message, /undefined|null|NaN|\[object|\.\.(?!\.)| {2}(?!\S)|!/)
      const shouted = message
        .replaceAll(/\b(?:HF|XDG|HUGGING|CUDA|ECONN|EADDR)\w*/g, "")
        .match(/\b[A-Z]{4,}\b/g)
      const mayShout = error._tag === "ReleaseUnconfirmed" ? ["STILL", "BILLING"] : []
      assert.deepStrictEqual([...(shouted ?? [])], mayShout)
      // What to do next is an order, or a question that the reader can answer.
      const step =
        /\b(Check|Choose|Set|Unset|Give|Get|Run|run|Mend|Correct|Wait|Look|Pause|Resume|Ask|Add|Try|Use|use|Say|say|Make|delete|Ask for|creates? it|goes on with|Only|read twice)\b/
      assert.match(message, step)
    })
  }
})
