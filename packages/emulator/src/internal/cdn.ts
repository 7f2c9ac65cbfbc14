/**
 * The host that holds the bytes of large files: the hub redirects to it, and the address alone says who may have them.
 *
 * @source huggingface_hub, `_httpx_follow_relative_redirects` and `http_get`: a token is not sent along to another host. A
 * store of the kind behind the hub answers 400 to a signed address that comes with an `Authorization` header as well.
 */
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import type { Blob, Datasets } from "./datasets.ts"
import type { Faults } from "./faults.ts"
import * as Identifier from "./identifier.ts"
import type { RequestLog } from "./requestLog.ts"
import type { App } from "./wire.ts"

const prefix = "/xet-bridge/"

const signatureOf = (sha256: string) => Identifier.commit(`signature ${sha256}`)

/** Where a file's bytes are. */
export const locationOf = (origin: string, { sha256 }: Blob): string =>
  `${origin}${prefix}${sha256}?X-Amz-Expires=3600&X-Amz-Signature=${signatureOf(sha256)}`

const refusal = (status: number, code: string) =>
  HttpServerResponse.text(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code></Error>`, {
    status,
    contentType: "application/xml"
  })

const rangeOf = (header: string, size: number) => {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? []
  if (first === "" && last === "") return undefined
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1)
  return start < end ? { start, end } : undefined
}

const serve = (datasets: Datasets): App =>
  Effect.map(HttpServerRequest.HttpServerRequest, (request) => {
    if (request.headers["authorization"] !== undefined) return refusal(400, "InvalidArgument")
    const path = Engine.path(request)
    const sha256 = path.startsWith(prefix) ? path.slice(prefix.length) : ""
    const blob = datasets.blob(sha256)
    if (blob === undefined || !request.url.includes(`X-Amz-Signature=${signatureOf(sha256)}`)) {
      return refusal(403, "AccessDenied")
    }
    const { bytes } = blob
    const size = bytes.byteLength
    const headers = { etag: `"${blob.sha256}"`, "accept-ranges": "bytes" }
    const asked = request.headers["range"]
    if (asked === undefined) return HttpServerResponse.uint8Array(bytes, { headers })
    const range = rangeOf(asked, size)
    if (range === undefined) {
      return HttpServerResponse.setHeader(refusal(416, "InvalidRange"), "content-range", `bytes */${size}`)
    }
    return HttpServerResponse.uint8Array(bytes.subarray(range.start, range.end), {
      status: 206,
      headers: { ...headers, "content-range": `bytes ${range.start}-${range.end - 1}/${size}` }
    })
  })

const nothing = { setState: () => Effect.void }

/** Builds the application. */
export const make = (options: {
  readonly datasets: Datasets
  readonly faults: Faults
  readonly log: RequestLog
}): App => {
  const app = serve(options.datasets)
  return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const subject = {
      plane: "hub",
      route: "file",
      method: request.method,
      path: Engine.path(request),
      endpoint: undefined
    } as const
    return app.pipe(
      options.faults.around(subject, nothing),
      options.log.around({ plane: "hub", request, endpoint: undefined })
    )
  })
}
