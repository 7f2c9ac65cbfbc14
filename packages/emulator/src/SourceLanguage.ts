/**
 * A text classifier: the programming language of source code, out of 54. It is guesslang's network, as VS
 * Code uses it and `@vscode/vscode-languagedetection` ships it.
 *
 * It is slow work, tens of milliseconds of one core for a file, so a batch over it is a real one.
 */
import * as Effect from "effect/Effect"

/** A language, by its file extension (`ts`, `py`, `rs`), and how likely it is: 0 to 1. */
export interface Classification {
  readonly label: string
  readonly score: number
}

/** A classifier; its network is loaded when it is first asked. */
export interface SourceLanguage {
  /** `guesslang`. */
  readonly name: string
  /**
   * Every language, likeliest first; the scores sum to 1. Only the first 100,000 characters count. It holds
   * the thread while it computes, as a container with one core would.
   */
  readonly classify: (text: string) => Effect.Effect<ReadonlyArray<Classification>>
}

/**
 * The languages in alphabetical order, by file extension. A language's place here is its id.
 *
 * @example
 * ```ts
 * import { SourceLanguage } from "@stint/emulator"
 *
 * export const count = SourceLanguage.labels.length // 54
 * ```
 */
export const labels: ReadonlyArray<string> = (
  "asm bat c cbl clj cmake coffee cpp cs css csv dart dm dockerfile erl ex f90 go groovy hs html ini java " +
  "jl js json kt lisp lua makefile matlab md ml mm pas php pm prolog ps1 py r rb rs scala sh sql swift tex " +
  "toml ts v vba xml yaml"
).split(" ")

/**
 * Makes a classifier. It costs nothing until it is first asked: loading the network takes some 200 ms then.
 *
 * @example
 * ```ts
 * import { SourceLanguage } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * export const program = Effect.gen(function* () {
 *   const { classify } = yield* SourceLanguage.make
 *   const [likeliest] = yield* classify("fn main() {\n    println!(\"Hello\");\n}\n")
 *   return likeliest?.label // "rs"
 * })
 * ```
 */
export const make: Effect.Effect<SourceLanguage> = Effect.gen(function* () {
  const network = yield* Effect.cached(
    Effect.promise(async () => {
      // CommonJS without names that Node can see: all of it is the default export.
      const { default: detection } = await import("@vscode/vscode-languagedetection")
      return new detection.ModelOperations({ minContentSize: 1 })
    })
  )
  const classify = Effect.fnUntraced(function* (text: string) {
    const operations = yield* network
    // The package answers nothing for no text; the network itself does for a blank.
    const results = yield* Effect.promise(() => operations.runModel(text === "" ? " " : text))
    return results.map(({ confidence, languageId }) => ({ label: languageId, score: confidence }))
  })
  return { name: "guesslang", classify }
})
