/**
 * Bodies that come compressed although nobody asked for it.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Readable, pipeline } from "node:stream"
import * as Zlib from "node:zlib"
import { ResponseTooLarge } from "./exchange.ts"

/** The body is in an encoding that is not read here. */
export class UnknownEncoding extends Schema.TaggedError<UnknownEncoding>()("UnknownEncoding", {
  encoding: Schema.String
}) {
  override get message() {
    return `The answer is encoded as "${this.encoding}", which was not asked for and cannot be read. Only gzip, deflate and br can.`
  }
}

type Callback = (error: Error | null, bytes: Buffer) => void

interface Codec {
  readonly whole: (bytes: Buffer, options: { readonly maxOutputLength: number }, done: Callback) => void
  readonly stream: () => Zlib.Gunzip | Zlib.Inflate | Zlib.BrotliDecompress
}

const codecs: ReadonlyMap<string, Codec> = new Map([
  ["gzip", { whole: Zlib.gunzip, stream: () => Zlib.createGunzip() }],
  ["x-gzip", { whole: Zlib.gunzip, stream: () => Zlib.createGunzip() }],
  ["deflate", { whole: Zlib.inflate, stream: () => Zlib.createInflate() }],
  ["br", { whole: Zlib.brotliDecompress, stream: () => Zlib.createBrotliDecompress() }]
])

const asError = (error: unknown) =>
  Predicate.isError(error) ? error : new UnknownEncoding({ encoding: String(error) })

/** What a body is encoded as; `undefined` when it is plain. */
export const encodingOf = (header: string | Array<string> | undefined): string | undefined => {
  const encoding = String(header ?? "")
    .trim()
    .toLowerCase()
  return encoding === "" || encoding === "identity" ? undefined : encoding
}

/** A whole body in plain. What unfolds beyond the limit is refused. */
export const decodeWhole = (
  encoding: string,
  bytes: Buffer,
  limitBytes: number
): Effect.Effect<Buffer, Error> =>
  Effect.callback((resume) => {
    const codec = codecs.get(encoding)
    if (codec === undefined) return resume(Effect.fail(new UnknownEncoding({ encoding })))
    codec.whole(bytes, { maxOutputLength: limitBytes }, (error, plain) => {
      if (error === null) return resume(Effect.succeed(plain))
      const isTooLarge = Predicate.hasProperty(error, "code") && error.code === "ERR_BUFFER_TOO_LARGE"
      resume(Effect.fail(isTooLarge ? new ResponseTooLarge({ limitBytes }) : error))
    })
  })

/** A streamed body in plain. */
export const decodeStream = (
  encoding: string,
  body: Stream.Stream<Uint8Array, Error>
): Stream.Stream<Uint8Array, Error> =>
  Stream.unwrap(
    Effect.map(Stream.toAsyncIterableEffect(body), (iterable) => {
      const codec = codecs.get(encoding)
      if (codec === undefined) return Stream.fail(new UnknownEncoding({ encoding }))
      const plain = codec.stream()
      // The reader sees the failure as well.
      pipeline(Readable.from(iterable), plain, () => undefined)
      return Stream.fromAsyncIterable<Uint8Array, Error>(plain, asError)
    })
  )
