/**
 * A file whose bytes are read by range: on this machine, or at a URL.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Str from "effect/String"
import { type Look, type Stamp, Unusable } from "./records.ts"
import { stampOf } from "./textFile.ts"

/** An open file. */
export interface ByteFile<E> {
  readonly size: number
  /** The bytes from `start` to before `end`; it fails when the file is no longer what it was. */
  readonly slice: (start: number, end: number) => Effect.Effect<Uint8Array<ArrayBuffer>, Unusable | E>
}

/** As {@link ByteFile}, with what it was when it was opened. */
export interface Opened<E> extends ByteFile<E> {
  readonly stamp: Stamp
}

const unusable = (problem: ConstructorParameters<typeof Unusable>[0]) => new Unusable(problem)

/** Opens a file of this machine. */
export const openLocal =
  (path: string) =>
  <E>(
    look: Look<E> | undefined
  ): Effect.Effect<Opened<E>, Unusable | E, FileSystem.FileSystem | Scope.Scope> =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = yield* Effect.mapError(fs.open(path, { flag: "r" }), unusable)
      const first = yield* stampOf(file)
      const watch = look === undefined ? Effect.void : Effect.flatMap(stampOf(file), look)
      yield* watch
      return {
        size: first.size,
        stamp: first,
        slice: Effect.fnUntraced(function* (start, end) {
          const bytes = new Uint8Array(end - start)
          for (let at = 0; at < bytes.length;) {
            const position = BigInt(start + at)
            const taken = yield* Effect.mapError(file.read(bytes.subarray(at), { position }), unusable)
            if (taken === 0) {
              yield* watch
              return yield* Effect.fail(unusable("ends before it should: it is cut off, or was cut"))
            }
            at += taken
          }
          yield* watch
          return bytes
        })
      }
    })

/** Bytes that are asked for at once. */
export const PIECE = 16 * 1024 * 1024

/** How a URL is called in messages: what follows the path may be a secret. */
export const nameOf = (url: URL): string => `${url.origin}${url.pathname}`

/** When what a network lost is asked for again. */
export const retries = Schedule.jittered(Schedule.exponential("500 millis"))

const sizeOf = (response: HttpClientResponse.HttpClientResponse): number | undefined => {
  const total = /^bytes \d+-\d+\/(\d+)$/.exec(response.headers["content-range"] ?? "")?.[1]
  return total === undefined ? undefined : Number(total)
}

const versionOf = ({ headers }: HttpClientResponse.HttpClientResponse) =>
  headers["etag"] ?? headers["last-modified"] ?? ""

/** What is done with a URL beside reading it. */
export interface Options {
  /** What to do where it cannot be read. */
  readonly instead?: string | undefined
  /** What stands for the version of a file whose server tells none. */
  readonly versionOf?:
    | ((
        get: (start: number, end: number) => Effect.Effect<Range, Unusable>,
        size: number
      ) => Effect.Effect<string, Unusable>)
    | undefined
}

const refusalOf = (status: number, instead: string): string => {
  switch (status) {
    case 200:
      return `cannot be read in parts: its server ignores byte ranges. ${Str.capitalize(instead)}`
    case 401:
    case 403:
      return `is not public (HTTP ${status}), and no token is sent to a URL. Give one that is signed, or ${instead}`
    case 404:
      return "is not there (HTTP 404)"
    case 416:
      return "is empty, or its server does not know byte ranges (HTTP 416)"
    default:
      return `was answered with HTTP ${status}`
  }
}

/** Some bytes of a file, and what its server says of the whole. */
export interface Range {
  readonly size: number
  readonly version: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** Asks for one range of a file, again while that may help. */
export const rangeOf =
  (
    send: (
      headers: Readonly<Record<string, string>>
    ) => Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError, Scope.Scope>,
    refusal: (response: HttpClientResponse.HttpClientResponse) => string
  ) =>
  (start: number, end: number): Effect.Effect<Range, Unusable> =>
    Effect.scoped(
      Effect.gen(function* () {
        const response = yield* send({
          range: `bytes=${start}-${end - 1}`,
          "accept-encoding": "identity"
        })
        const size = sizeOf(response)
        if (response.status !== 206 || size === undefined) {
          return yield* Effect.fail(unusable(refusal(response)))
        }
        return { size, version: versionOf(response), bytes: new Uint8Array(yield* response.arrayBuffer) }
      })
    ).pipe(
      // What follows a trace through our own services is nobody else's.
      Effect.provideService(HttpClient.TracerPropagationEnabled, false),
      Effect.retry({ schedule: retries, times: 2, while: (error) => error._tag === "HttpClientError" }),
      Effect.catchTag("HttpClientError", (error) =>
        Effect.fail(unusable(`cannot be reached: ${error.reason._tag}`))
      )
    )

/** Bytes of any length, in pieces that are asked for one after the other. */
export const inPieces =
  <E>(piece: (start: number, end: number) => Effect.Effect<Uint8Array, E>) =>
  (start: number, end: number): Effect.Effect<Uint8Array<ArrayBuffer>, E> =>
    Effect.gen(function* () {
      const bytes = new Uint8Array(end - start)
      for (let at = start; at < end; at += PIECE) {
        bytes.set(yield* piece(at, Math.min(at + PIECE, end)), at - start)
      }
      return bytes
    })

/** Opens a file at a URL. Nothing is sent with the requests but the range: no token, no cookie. */
export const openRemote =
  (url: URL, { instead = "download it, and give the path", versionOf: fallback }: Options = {}) =>
  <E>(look: Look<E> | undefined): Effect.Effect<Opened<E>, Unusable | E, HttpClient.HttpClient> =>
    Effect.gen(function* () {
      if (url.protocol !== "https:" && url.protocol !== "http:") {
        return yield* Effect.fail(unusable("is no http or https URL"))
      }
      if (url.username !== "" || url.password !== "") {
        return yield* Effect.fail(unusable(`has a name or a password in it: ${instead}`))
      }
      const client = (yield* HttpClient.HttpClient).pipe(
        HttpClient.followRedirects(5),
        HttpClient.retryTransient({ schedule: retries, times: 4 })
      )
      const range = rangeOf(
        (headers) => client.execute(HttpClientRequest.get(url, { headers })),
        ({ status }) => refusalOf(status === 206 ? 200 : status, instead)
      )
      const told = yield* range(0, 4)
      const version = told.version !== "" || fallback === undefined ? "" : yield* fallback(range, told.size)
      const remoteStamp = (of: Range): Stamp => ({
        place: nameOf(url),
        size: of.size,
        version: of.version === "" ? version : of.version
      })
      const first = remoteStamp(told)
      if (look !== undefined) yield* look(first)
      const piece = Effect.fnUntraced(function* (start: number, end: number) {
        const got = yield* range(start, end)
        const { bytes } = got
        const stamp = remoteStamp(got)
        if (look !== undefined) yield* look(stamp)
        if (stamp.size !== first.size || stamp.version !== first.version) {
          return yield* Effect.fail(unusable("was changed while it was read"))
        }
        if (bytes.length !== end - start) {
          return yield* Effect.fail(unusable("was sent in parts of another length than asked for"))
        }
        return bytes
      })
      return {
        size: first.size,
        stamp: first,
        slice: inPieces(piece)
      }
    })
