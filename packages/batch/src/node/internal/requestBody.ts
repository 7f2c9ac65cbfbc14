/**
 * Request bodies, as undici takes them.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as HttpBody from "effect/http/HttpBody"
import { Readable } from "node:stream"
import { ReadableStream } from "node:stream/web"
import { type Dispatcher, FormData as UndiciFormData } from "undici"

type Sendable = Exclude<Dispatcher.DispatchOptions["body"], undefined>

/** A body that is there already; `undefined` for one of no kind that can be sent. */
export const ready = (body: Exclude<HttpBody.HttpBody, HttpBody.Stream>): Sendable | undefined => {
  switch (body._tag) {
    case "Empty":
      return null
    case "Uint8Array":
      return body.body
    case "FormData":
      return formData(body.formData)
    case "Raw":
      return raw(body.body)
  }
}

/** Undici takes its own class alone. */
const formData = (form: FormData) => {
  const converted = new UndiciFormData()
  for (const [name, value] of form) converted.append(name, value)
  return converted
}

const raw = (body: unknown): Sendable | undefined => {
  if (body === null || body === undefined) return null
  if (typeof body === "string" || body instanceof Uint8Array || body instanceof Readable) return body
  if (body instanceof ArrayBuffer) return new Uint8Array(body)
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  if (body instanceof URLSearchParams) return body.toString()
  if (body instanceof FormData) return formData(body)
  if (body instanceof Blob) return Readable.from(body.stream())
  if (body instanceof ReadableStream) return Readable.fromWeb(body)
  return undefined
}

/** A body that is made while it is sent. */
export const streamed = (body: HttpBody.Stream): Effect.Effect<Readable> =>
  Effect.map(Stream.toAsyncIterableEffect(body.stream), (chunks) =>
    Readable.from(chunks, { objectMode: false })
  )
