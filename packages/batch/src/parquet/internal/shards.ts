/**
 * Several files of the hub as one input, one after the other. They are read at one commit, so that they are the same
 * whenever they are read.
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import { type Format, type Look, Unusable } from "../../internal/input/records.ts"
import { type ByteFile, inPieces, rangeOf } from "../../internal/input/byteFile.ts"
import { type HubCalls, encodePath, refusalOf } from "./hubCalls.ts"
import type { Chosen, HubFile } from "./hubFiles.ts"
import { type Options, type ParquetRow, rowsOf } from "./rowGroups.ts"

/** The first bytes of a file, for the sake of its answer. */
const PROBE = 4

/** Where a file is. */
export const urlOf = ({ page }: Pick<HubCalls, "page">, commit: string, { path }: HubFile): string =>
  `${page}/resolve/${commit}/${encodePath(path)}`

/** Asks for the first bytes of a file: whether the token may read it shows nowhere else. */
export const probe = (calls: HubCalls, commit: string, file: HubFile) =>
  Effect.scoped(
    Effect.gen(function* () {
      const response = yield* calls.send(urlOf(calls, commit, file), { range: `bytes=0-${PROBE - 1}` })
      if (response.status === 206) return
      return yield* response.status === 200
        ? calls.fail(
            "unreachable",
            `${file.path} cannot be read in parts: its server ignores byte ranges. Download it, and give the path`
          )
        : calls.refused(response)
    })
  ).pipe(
    Effect.catchTag("HttpClientError", (error) =>
      Effect.fail(
        calls.fail("unreachable", `${file.path} cannot be reached: ${error.reason._tag}. Check the network`)
      )
    )
  )

/** Opens one file. */
const openFile = (calls: HubCalls, commit: string, file: HubFile): ByteFile<never> => {
  const url = urlOf(calls, commit, file)
  const range = rangeOf(
    (headers) => calls.send(url, headers),
    (response) => {
      if (response.status === 200 || response.status === 206)
        return "cannot be read in parts: its server ignores byte ranges"
      return `cannot be had: ${refusalOf(response, calls).detail}`
    }
  )
  return {
    size: file.size,
    slice: inPieces((start, end) =>
      Effect.flatMap(range(start, end), ({ bytes, size }) => {
        if (size !== file.size) {
          return Effect.fail(new Unusable(`has ${size} bytes, and ${file.size} as the hub lists it`))
        }
        return bytes.length === end - start
          ? Effect.succeed(bytes)
          : Effect.fail(new Unusable("was sent in parts of another length than asked for"))
      })
    )
  }
}

/** The rows of all files; what is wrong with one is told under its name. */
export const format = (
  connect: Effect.Effect<HubCalls, never, HttpClient.HttpClient>,
  { commit, files, part }: Chosen,
  options: Options
): Format<ParquetRow, HttpClient.HttpClient> => ({
  unit: "row",
  valueOf: (row) => row.value(),
  open: Effect.fnUntraced(function* <E>(look: Look<E> | undefined) {
    const calls = yield* connect
    if (look !== undefined) {
      const size = files.reduce((sum, file) => sum + file.size, 0)
      yield* look({ place: `${calls.page} ${part}`, size, version: commit })
    }
    let nth = 0
    let before = 0
    let current: Effect.Success<ReturnType<typeof rowsOf<never>>> | undefined
    const inFile =
      ({ path }: HubFile) =>
      <A>(effect: Effect.Effect<A, Unusable>): Effect.Effect<A, Unusable> =>
        Effect.mapError(effect, ({ detail }) => new Unusable(`its file ${path} ${detail}`))

    const next: Effect.Effect<ReadonlyArray<ParquetRow> | undefined, Unusable> = Effect.gen(function* () {
      for (;;) {
        const file = files[nth]
        if (file === undefined) return undefined
        current ??= yield* inFile(file)(rowsOf(openFile(calls, commit, file), options, before))
        const rows = yield* inFile(file)(current.next)
        if (rows !== undefined) return rows
        before = current.count()
        current = undefined
        nth++
      }
    })
    return { next, count: () => current?.count() ?? before }
  })
})
