/**
 * Bytes that lie somewhere else and are read by range: of a file, or of an object at a URL.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import { FileProblem, Source } from "@stint/batch"

/** What an input was when it was looked at: the same stamp, the same input, as far as its keeper tells. */
export interface Stamp {
  readonly size: number
  readonly version: string
}

/** Bytes that are read by range. */
export interface ByteSource {
  readonly stamp: Stamp
  /** The bytes from `start` to before `end`, which must lie inside. */
  readonly slice: (start: number, end: number) => Effect.Effect<Uint8Array, Source.SourceError>
}

const failed = (path: string) => (detail: string) => new Source.SourceError({ path, line: 0, detail })

/** Opens a file of this machine. */
export const openFile = Effect.fnUntraced(function* (
  path: string
): Effect.fn.Return<ByteSource, Source.SourceError, FileSystem.FileSystem | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  const fail = failed(path)
  const file = yield* Effect.mapError(fs.open(path, { flag: "r" }), (error) =>
    fail(FileProblem.describe(error))
  )
  const info = yield* Effect.mapError(file.stat, (error) => fail(FileProblem.describe(error)))
  if (info.type === "Directory") return yield* fail("it is a folder, not a file")
  if (info.type !== "File") return yield* fail("can be read only once: write it to a file first")
  return {
    stamp: {
      size: Number(info.size),
      version: Option.match(info.mtime, { onNone: () => "", onSome: (time) => time.toISOString() })
    },
    slice: Effect.fnUntraced(function* (start, end) {
      const bytes = new Uint8Array(end - start)
      for (let at = 0; at < bytes.length;) {
        const position = BigInt(start + at)
        const read = yield* Effect.mapError(file.read(bytes.subarray(at), { position }), (error) =>
          fail(FileProblem.describe(error))
        )
        if (read === 0) return yield* fail("ends before it should: it is cut off, or was cut")
        at += read
      }
      return bytes
    })
  }
})

const retries = Schedule.jittered(Schedule.exponential(Duration.millis(500)))

const rangeOf = ({ headers }: HttpClientResponse.HttpClientResponse) =>
  /^bytes \d+-\d+\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1]

const refusalOf = (status: number): string => {
  switch (status) {
    case 200:
      return "cannot be read in parts: its server ignores byte ranges. Put it on storage that all workers share, and give the path"
    case 401:
    case 403:
      return `is not public (HTTP ${status}), and no token is sent to a URL. Sign it, or put it on storage that all workers share`
    case 404:
      return "is not there (HTTP 404)"
    case 416:
      return "is empty, or its server does not know byte ranges (HTTP 416)"
    default:
      return `was answered with HTTP ${status}`
  }
}

/** Opens an object at a URL. Nothing is sent with the requests but the range: no token, no cookie. */
export const openUrl = Effect.fnUntraced(function* (
  url: URL
): Effect.fn.Return<ByteSource, Source.SourceError, HttpClient.HttpClient> {
  const name = `${url.origin}${url.pathname}`
  const fail = failed(name)
  if (url.protocol !== "https:" && url.protocol !== "http:") return yield* fail("is no http or https URL")
  if (url.username !== "" || url.password !== "") return yield* fail("has a name or a password in it")
  const client = (yield* HttpClient.HttpClient).pipe(
    HttpClient.followRedirects(5),
    HttpClient.retryTransient({ schedule: retries, times: 4 })
  )
  const get = Effect.fnUntraced(function* (start: number, end: number) {
    const request = HttpClientRequest.get(url).pipe(
      HttpClientRequest.setHeaders({ range: `bytes=${start}-${end - 1}`, "accept-encoding": "identity" })
    )
    return yield* Effect.scoped(
      Effect.gen(function* () {
        const response = yield* client.execute(request)
        const size = rangeOf(response)
        if (response.status !== 206 || size === undefined) {
          return yield* fail(refusalOf(response.status === 206 ? 200 : response.status))
        }
        const version = response.headers["etag"] ?? response.headers["last-modified"] ?? ""
        return { stamp: { size: Number(size), version }, bytes: new Uint8Array(yield* response.arrayBuffer) }
      })
    ).pipe(
      // What follows a trace through our own services is nobody else's.
      Effect.provideService(HttpClient.TracerPropagationEnabled, false),
      Effect.retry({ schedule: retries, times: 2, while: (error) => error._tag === "HttpClientError" }),
      Effect.catchTag("HttpClientError", (error) => fail(`cannot be reached: ${error.reason._tag}`))
    )
  })
  const { stamp } = yield* get(0, 1)
  return {
    stamp,
    slice: Effect.fnUntraced(function* (start, end) {
      if (start === end) return new Uint8Array(0)
      const { bytes, stamp: now } = yield* get(start, end)
      if (now.size !== stamp.size || now.version !== stamp.version) {
        return yield* fail("was changed while it was read")
      }
      if (bytes.length !== end - start)
        return yield* fail("was sent in parts of another length than asked for")
      return bytes
    })
  }
})
