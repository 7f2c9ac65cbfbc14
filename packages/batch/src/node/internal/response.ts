/**
 * An answer as an `HttpClient` gives it. Nothing is decoded before it is asked for.
 */
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Pipeable from "effect/Pipeable"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Cookies from "effect/http/Cookies"
import * as Headers from "effect/http/Headers"
import type { HttpClientError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as UrlParams from "effect/http/UrlParams"
import type * as Socket from "effect/socket/Socket"
import * as JsonText from "../../internal/input/jsonText.ts"
import { decodeStream, decodeWhole, encodingOf } from "./contentEncoding.ts"
import type { Exchange } from "./exchange.ts"
import * as Failure from "./failure.ts"

/** Answers that nobody read and nobody holds any more still hold a connection. */
const abandoned = new FinalizationRegistry<Exchange>((exchange) => {
  if (!exchange.isRead) exchange.abort()
})

const hasMark = (bytes: Buffer) => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf

const textOf = (bytes: Buffer) => bytes.toString("utf8", hasMark(bytes) ? 3 : 0)

type Result<A> = Effect.Effect<A, HttpClientError>

export class Response extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest
  readonly url: string
  readonly status: number
  private readonly exchange: Exchange
  private readonly limitBytes: number
  private headersOnce: Headers.Headers | undefined

  constructor(request: HttpClientRequest, url: string, exchange: Exchange, limitBytes: number) {
    super()
    this.request = request
    this.url = url
    this.status = exchange.status
    this.exchange = exchange
    this.limitBytes = limitBytes
    if (!exchange.isEnded) abandoned.register(this, exchange)
  }

  get headers(): Headers.Headers {
    return (this.headersOnce ??= Headers.fromInput(this.exchange.rawHeaders))
  }

  get cookies(): Cookies.Cookies {
    const header = this.exchange.rawHeaders["set-cookie"]
    return header === undefined ? Cookies.empty : Cookies.fromSetCookie(header)
  }

  get remoteAddress() {
    return Option.none<string>()
  }

  private get bytes(): Effect.Effect<Buffer, HttpClientError> {
    return Effect.suspend(() => {
      const { exchange } = this
      const encoding = encodingOf(exchange.rawHeaders["content-encoding"])
      const whole = Effect.mapError(exchange.whole(), (cause) => Failure.transport(this.request, cause))
      if (encoding === undefined) return whole
      return Effect.flatMap(whole, (bytes) =>
        bytes.length === 0
          ? Effect.succeed(bytes)
          : Effect.mapError(decodeWhole(encoding, bytes, this.limitBytes), this.decoding)
      )
    })
  }

  private get decoding() {
    return (cause: unknown) => Failure.decoding(this, cause)
  }

  get text(): Result<string> {
    return Effect.map(this.bytes, textOf)
  }

  /** Measured: a schema that only parses costs as much as the parsing. Whoever wants a shape decodes it after this. */
  private parse(bytes: Buffer): Result<Schema.Json> {
    try {
      if (bytes.length === 0) return Effect.succeed(null)
      const text = textOf(bytes)
      // What walks it later has a stack; a row may fail for that, and no run.
      if (JsonText.isTooDeep(text)) throw new Error(`the answer ${JsonText.TOO_DEEP}`)
      const json: Schema.Json = JSON.parse(text)
      return Effect.succeed(json)
    } catch (cause) {
      return Effect.fail(this.decoding(cause))
    }
  }

  get json(): Result<Schema.Json> {
    return Effect.suspend(() => {
      const { exchange } = this
      const isPlain = encodingOf(exchange.rawHeaders["content-encoding"]) === undefined
      // As answers mostly are: there already, as they were sent.
      const bytes = isPlain ? exchange.wholeNow() : undefined
      return bytes === undefined
        ? Effect.flatMap(this.bytes, (bytes) => this.parse(bytes))
        : this.parse(bytes)
    })
  }

  get arrayBuffer(): Result<ArrayBuffer> {
    // A copy: the bytes lie in a buffer of the socket's.
    return Effect.map(this.bytes, (bytes) => new Uint8Array(bytes).buffer)
  }

  get urlParamsBody(): Result<UrlParams.UrlParams> {
    // A leading "?" is part of the first name here.
    return Effect.map(this.text, (text) =>
      UrlParams.fromInput(new URLSearchParams(text.replace(/^\?/, "%3F")))
    )
  }

  get formData(): Result<FormData> {
    return Effect.flatMap(this.arrayBuffer, (body) =>
      Effect.tryPromise({
        try: () => new globalThis.Response(body, { headers: this.headers }).formData(),
        catch: this.decoding
      })
    )
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError> {
    return Stream.suspend(() => {
      const { exchange } = this
      const encoding = encodingOf(exchange.rawHeaders["content-encoding"])
      return encoding === undefined
        ? Stream.mapError(exchange.stream(), (cause) => Failure.transport(this.request, cause))
        : Stream.mapError(decodeStream(encoding, exchange.stream()), this.decoding)
    })
  }

  get upgrade(): Result<Socket.Socket> {
    return Effect.fail(Failure.notUpgraded(this))
  }

  toJSON() {
    return HttpIncomingMessage.inspect(this, {
      _id: "HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }

  pipe() {
    // The signature of `Pipeable` is of many overloads.
    // oxlint-disable-next-line prefer-rest-params
    return Pipeable.pipeArguments(this, arguments)
  }
}
