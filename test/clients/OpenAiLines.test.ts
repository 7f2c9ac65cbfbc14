/** What `openai` makes of our lines: its own types fit them, and its own errors can be made of the failures. */
import { assert, describe, it } from "@effect/vitest"
import { type Journal, Row } from "@stint/batch"
import { Schema } from "effect"
import { APIError, BadRequestError, InternalServerError, RateLimitError } from "openai"
import type { CreateEmbeddingResponse, ErrorObject } from "openai/resources"

/** An output line as the API reference has it; the package has no type for it. */
interface OutputLine {
  readonly id: string
  readonly custom_id: string
  readonly response: {
    readonly status_code: number
    readonly request_id: string | null
    readonly body: CreateEmbeddingResponse | { readonly error: ErrorObject }
  } | null
  readonly error: { readonly code: string; readonly message: string } | null
}

const NullOr = Schema.NullOr
const Line: Schema.Codec<OutputLine, unknown> = Schema.Struct({
  id: Schema.String,
  custom_id: Schema.String,
  response: NullOr(
    Schema.Struct({
      status_code: Schema.Int,
      request_id: NullOr(Schema.String),
      body: Schema.Struct({
        error: Schema.Struct({
          message: Schema.String,
          type: Schema.String,
          param: NullOr(Schema.String),
          code: NullOr(Schema.String)
        })
      })
    })
  ),
  error: NullOr(Schema.Struct({ code: Schema.String, message: Schema.String }))
})

const input = { custom_id: "r-1", method: "POST" as const, url: "/v1/embeddings", body: { input: "a" } }

const failed = (error: Schema.Json): OutputLine => {
  const entry: Journal.Entry = {
    key: "r-1",
    fingerprint: "0".repeat(16),
    tag: "Failed",
    attempts: 1,
    durationMillis: 1,
    error,
    input
  }
  return Schema.decodeUnknownSync(Line)(Row.format(entry))
}

const isSuccess = ({ error, response }: OutputLine) =>
  error === null &&
  response !== null &&
  response.status_code >= 200 &&
  response.status_code < 300 &&
  !("error" in response.body)

describe("a line of errors.jsonl", () => {
  const refusals = [
    [422, "invalid_request_error", APIError],
    [400, "invalid_request_error", BadRequestError],
    [429, "rate_limit_error", RateLimitError],
    [500, "server_error", InternalServerError]
  ] as const
  for (const [status, type, error] of refusals) {
    it(`a refusal with ${status} is a response with an error of openai's`, () => {
      const line = failed({ reason: "row", message: "too long", status, requestId: "req-7" })
      assert.isFalse(isSuccess(line))
      assert.isNull(line.error)
      assert.strictEqual(line.id, "batch_req_r-1")
      assert.deepStrictEqual(line.response, {
        status_code: status,
        request_id: "req-7",
        body: { error: { message: "too long", type, param: null, code: "row" } }
      })
      const made = APIError.generate(status, line.response?.body, undefined, new Headers())
      assert.instanceOf(made, error)
      assert.include(made.message, "too long")
      assert.strictEqual(made.code, "row")
    })
  }

  const unanswered: ReadonlyArray<readonly [string, Schema.Json, string, string]> = [
    ["without an answer", { reason: "transport", message: "reset" }, "transport", "reset"],
    [
      "with an answer of 200 that cannot be used",
      { reason: "row", message: "null", status: 200 },
      "row",
      "null"
    ],
    ["of another kind", { reason: "Mine", message: "own words" }, "Mine", "own words"],
    ["of no known shape", "odd", "error", '"odd"']
  ]
  for (const [what, error, code, message] of unanswered) {
    it(`a failure ${what} has an error and no response`, () => {
      const line = failed(error)
      assert.isFalse(isSuccess(line))
      assert.isNull(line.response)
      assert.deepStrictEqual(line.error, { code, message })
    })
  }
})
