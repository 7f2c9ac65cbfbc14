/**
 * One request on the wire and what comes back. The body is taken in as it arrives and kept until somebody asks for it.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Dispatcher } from "undici"

type Controller = Dispatcher.DispatchController
type RawHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseStart"]>>[2]

/** The answer is larger than it may be. */
export class ResponseTooLarge extends Schema.TaggedError<ResponseTooLarge>()("ResponseTooLarge", {
  limitBytes: Schema.Finite
}) {
  override get message() {
    return `The answer is larger than ${this.limitBytes} bytes. Ask for less in one request, or raise maxResponseSize.`
  }
}

/** The request was given up before its answer was whole. */
export class RequestAborted extends Schema.TaggedError<RequestAborted>()("RequestAborted", {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

/** An answer that announces less than this is handed over whole. */
const WHOLE_BELOW = 1024 * 1024

/** So much of a body waits for somebody to ask for it; then the connection is held back. */
const PAUSE_AT = 256 * 1024

const isAnnouncedShort = (headers: RawHeaders) => {
  const length = headers["content-length"]
  return typeof length === "string" && Number(length) < WHOLE_BELOW
}

export class Exchange implements Dispatcher.DispatchHandler {
  /** 0 until the head of the answer is there. */
  status = 0
  rawHeaders: RawHeaders = {}
  /** Why there is no answer, or no whole one. */
  failure: Error | undefined
  isEnded = false

  private controller: Controller | undefined
  private chunks: Array<Buffer> = []
  private size = 0
  private use: "none" | "whole" | "stream" = "none"
  private readers: Set<() => void> | undefined
  private settled: ((exchange: Exchange) => void) | undefined
  private readonly limitBytes: number

  /** `settled` is called once: when there is something to hand over, or nothing will come. */
  constructor(limitBytes: number, settled: (exchange: Exchange) => void) {
    this.limitBytes = limitBytes
    this.settled = settled
  }

  onRequestStart(controller: Controller) {
    // Given up while it waited for a connection. Thrown, it drops the request; aborted, it would close the connection.
    if (this.failure !== undefined) throw this.failure
    this.controller = controller
  }

  onResponseStart(_controller: Controller, status: number, headers: RawHeaders) {
    if (status < 200 || this.isOver) return
    this.status = status
    this.rawHeaders = headers
    // What came in one piece is over by then, and needs no second turn of whoever waits.
    if (!isAnnouncedShort(headers)) queueMicrotask(() => this.settle())
  }

  onResponseData(controller: Controller, chunk: Buffer) {
    if (this.isOver) return
    this.chunks.push(chunk)
    this.size += chunk.length
    if (this.use === "whole" && this.size > this.limitBytes) return this.refuse()
    if (this.use !== "whole" && this.settled === undefined && this.size > PAUSE_AT) controller.pause()
    if (this.use === "stream") this.wake()
  }

  onResponseEnd() {
    if (this.isOver) return
    this.isEnded = true
    // After this turn of the loop, when the connection is free: the next request would open another one.
    setImmediate(() => this.finish())
  }

  onResponseError(_controller: Controller, error: Error) {
    if (this.isOver) return
    this.failure = error
    this.finish()
  }

  private get isOver() {
    return this.isEnded || this.failure !== undefined
  }

  private settle() {
    const { settled } = this
    this.settled = undefined
    settled?.(this)
  }

  private wake() {
    const { readers } = this
    this.readers = undefined
    if (readers !== undefined) for (const reader of readers) reader()
  }

  private finish() {
    this.settle()
    this.wake()
  }

  /** Gives the request up and frees its connection. Nothing happens when it is over. */
  abort(why: Error = new RequestAborted({ detail: "the request was interrupted" })) {
    if (this.isOver) return
    this.failure = why
    this.chunks = []
    this.settled = undefined
    this.controller?.abort(why)
    this.wake()
  }

  private refuse() {
    this.abort(new ResponseTooLarge({ limitBytes: this.limitBytes }))
  }

  /** Whether somebody has begun to read the body. */
  get isRead() {
    return this.use !== "none"
  }

  /** Waits until there is more; giving up as the last reader gives up the request. */
  private more(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const reader = () => resume(Effect.void)
      this.readers = (this.readers ?? new Set()).add(reader)
      this.controller?.resume()
      return Effect.sync(() => {
        this.readers?.delete(reader)
        if (this.readers === undefined || this.readers.size === 0) this.abort()
      })
    })
  }

  private joined(): Buffer {
    const [first] = this.chunks
    if (first !== undefined && this.chunks.length === 1) return first
    const bytes = Buffer.concat(this.chunks, this.size)
    this.chunks = [bytes]
    return bytes
  }

  /** All of the body, where it is there already and nothing is wrong with it. It may be asked for again. */
  wholeNow(): Buffer | undefined {
    if (this.use === "stream" || !this.isEnded || this.failure !== undefined) return undefined
    if (this.size > this.limitBytes) return undefined
    this.use = "whole"
    return this.joined()
  }

  /** All of the body. It may be asked for again. */
  whole(): Effect.Effect<Buffer, Error> {
    if (this.use === "stream") return Effect.fail(new RequestAborted({ detail: "the body was streamed" }))
    this.use = "whole"
    if (this.size > this.limitBytes) {
      this.refuse()
      return Effect.fail(new ResponseTooLarge({ limitBytes: this.limitBytes }))
    }
    if (this.failure !== undefined) return Effect.fail(this.failure)
    if (this.isEnded) return Effect.succeed(this.joined())
    return Effect.flatMap(this.more(), () => this.whole())
  }

  private pull(): Pull.Pull<readonly [Uint8Array, ...Array<Uint8Array>], Error> {
    const [first, ...rest] = this.chunks
    if (first !== undefined) {
      this.chunks = []
      this.size = 0
      return Effect.succeed([first, ...rest])
    }
    if (this.failure !== undefined) return Effect.fail(this.failure)
    if (this.isEnded) return Cause.done()
    return Effect.flatMap(this.more(), () => this.pull())
  }

  /** The body as it arrives, once. Whoever stops early frees the connection. */
  stream(): Stream.Stream<Uint8Array, Error> {
    if (this.use === "whole") return Stream.fromEffect(this.whole())
    if (this.use === "stream")
      return Stream.fail(new RequestAborted({ detail: "the body was streamed before" }))
    this.use = "stream"
    return Stream.fromPull(
      Effect.as(
        Effect.acquireRelease(Effect.void, () => Effect.sync(() => this.abort())),
        Effect.suspend(() => this.pull())
      )
    ).pipe(Stream.scoped)
  }
}
