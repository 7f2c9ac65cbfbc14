import { assert, describe, it } from "@effect/vitest"
import { Fault } from "@stint/batch"
import { Duration } from "effect"
import { Headers } from "effect/http"

type Row = readonly [
  what: string,
  status: number,
  body: unknown,
  reason: Fault.Reason,
  detail?: string | undefined
]

const proxy = (error: string, code: string) => ({ error, code })
const tei = (error: string, error_type: string) => ({ error, error_type })
const openai = (message: string, type: string, code: number) => ({
  error: { message, type, param: null, code }
})

const paused = "Bad Request: The endpoint is paused, ask a maintainer to restart it"

const table: Readonly<Record<string, ReadonlyArray<Row>>> = {
  "the proxy": [
    ["cold", 503, proxy("503 Service Unavailable", "SERVICE_UNAVAILABLE"), "cold", "503 Service Unavailable"],
    ["paused", 400, proxy(paused, "BAD_REQUEST"), "gone", paused],
    ["paused, in older words", 400, proxy("Bad Request: Invalid state", "BAD_REQUEST"), "gone"],
    ["no token", 401, proxy("401 Unauthorized", "UNAUTHORIZED"), "account"],
    [
      "no permission",
      403,
      proxy("missing permissions: inference.endpoints.infer.write", "FORBIDDEN"),
      "account"
    ],
    ["a full router queue", 503, proxy("router queue full", "SERVICE_UNAVAILABLE"), "busy"],
    ["bad gateway", 502, "<html><body>502 Bad Gateway</body></html>", "cold", undefined],
    ["gateway timeout", 504, "", "cold", undefined],
    ["no such endpoint", 404, proxy("404 Not Found", "NOT_FOUND"), "gone"],
    ["no such host", 404, "", "gone"]
  ],
  account: [
    ["payment", 402, { error: "Payment required" }, "account", "Payment required"],
    ["credits", 429, { error: "You have exceeded your monthly included credits" }, "account"],
    ["payment in a 403", 403, { error: "Payment method required for namespace" }, "account"]
  ],
  TGI: [
    ["validation", 422, tei("`inputs` must have less than 1000 tokens", "validation"), "row"],
    ["generation", 424, tei("Request failed during generation: CUDA", "generation"), "engine"],
    ["overloaded", 429, tei("Model is overloaded", "overloaded"), "busy", "Model is overloaded"],
    ["incomplete", 500, tei("Incomplete generation", "incomplete_generation"), "engine"],
    ["a large body", 413, "length limit exceeded", "tooLarge", "length limit exceeded"],
    ["no template", 422, tei("Template error: template not found", "template_error"), "config"],
    ["unhealthy", 503, tei("unhealthy", "healthcheck"), "cold"]
  ],
  TEI: [
    ["empty batch", 400, tei("`inputs` cannot be empty", "Empty"), "row"],
    ["batch too large", 413, tei("batch size 33 > maximum allowed batch size 32", "Validation"), "tooLarge"],
    [
      "batch too large, since 1.9",
      422,
      tei("batch size 33 > maximum allowed batch size 32", "Validation"),
      "tooLarge"
    ],
    ["no embedding model", 424, tei("Model is not an embedding model", "Backend"), "config"],
    ["tokenizer", 422, tei("Tokenization error", "Tokenizer"), "row", "Tokenization error"],
    ["backend", 424, tei("Backend error", "Backend"), "engine"],
    ["overloaded", 429, tei("Model is overloaded", "Overloaded"), "busy"],
    ["/v1/embeddings", 413, { message: "too long", code: 413, type: "Validation" }, "tooLarge", "too long"],
    ["/v1/embeddings, overloaded", 429, { message: "full", code: 429, type: "Overloaded" }, "busy", "full"],
    ["unhealthy", 503, tei("unhealthy", "Unhealthy"), "cold"]
  ],
  "vLLM and SGLang": [
    ["too long", 400, openai("maximum context length is 4096", "BadRequestError", 400), "row"],
    [
      "no chat template",
      400,
      openai("default chat template is no longer allowed", "BadRequestError", 400),
      "config"
    ],
    [
      "no such api",
      400,
      openai("The model does not support Chat Completions API", "BadRequestError", 400),
      "config"
    ],
    ["wrong model", 404, openai("The model `tgi` does not exist.", "NotFoundError", 404), "config"],
    ["wrong route", 404, { detail: "Not Found" }, "config", "Not Found"],
    ["wrong method", 405, { detail: "Method Not Allowed" }, "config"],
    ["a body of another shape", 422, { detail: [{ loc: ["body", "x"], msg: "field required" }] }, "row"],
    ["broken", 500, openai("EngineDeadError", "InternalServerError", 500), "engine", "EngineDeadError"]
  ],
  "the toolkit": [
    ["out of memory", 400, { error: "CUDA out of memory. Tried to allocate 2 GiB" }, "engine"],
    ["a wrong input", 400, { error: "Body needs to provide a inputs key" }, "row"],
    ["several", 400, { error: ["one", "two"] }, "row", "one; two"],
    ["plain text", 400, "Bad thing", "row", "Bad thing"]
  ],
  "what nobody promised": [
    ["request timeout", 408, "", "transport"],
    ["teapot", 418, "", "row"],
    ["overloaded, as some proxies say it", 529, "", "busy"],
    ["no origin", 523, "<html>", "cold"],
    ["nothing of the kind", 204, "", "transport"],
    ["bandwidth", 509, "", "engine"],
    ["a redirect", 302, "", "config"],
    ["JSON that is no object", 500, "[1,2]", "engine", undefined],
    ["null", 422, "null", "row", undefined],
    ["torn JSON", 500, '{"error":"half', "engine", '{"error":"half']
  ]
}

describe("classify", () => {
  for (const [speaker, rows] of Object.entries(table)) {
    describe(speaker, () => {
      for (const [what, status, body, reason, detail] of rows) {
        it(`${status} ${what} is ${reason}`, () => {
          const text = typeof body === "string" ? body : JSON.stringify(body)
          const fault = Fault.classify({ status, body: text })
          assert.strictEqual(fault.reason, reason)
          assert.strictEqual(fault.status, status)
          if (detail !== undefined) assert.strictEqual(fault.detail, detail)
        })
      }
    })
  }

  it("says nothing where an answer is a page or empty", () => {
    assert.isUndefined(Fault.classify({ status: 502, body: " <html>" }).detail)
    assert.isUndefined(Fault.classify({ status: 500, body: "  " }).detail)
  })

  it("keeps what the header said, and cuts what is endless", () => {
    const fault = Fault.classify({
      status: 429,
      body: JSON.stringify({ error: "x".repeat(5000) }),
      headers: Headers.fromInput({ "Retry-After": "7", "x-request-id": "r-1" })
    })
    assert.strictEqual(fault.detail?.length, 2000)
    assert.strictEqual(fault.requestId, "r-1")
    assert.deepStrictEqual(fault.retryAfter, Duration.seconds(7))
  })

  it("has a message of reason, status and detail", () => {
    assert.strictEqual(
      Fault.classify({ status: 422, body: '{"error":"too long"}' }).message,
      "row 422: too long"
    )
    assert.strictEqual(Fault.transport("reset").message, "transport: reset")
    assert.strictEqual(Fault.classify({ status: 500, body: "" }).message, "engine 500")
  })
})

describe("an endpoint whose state is known", () => {
  const bodies: ReadonlyArray<
    readonly [status: number, body: string, away: Fault.Reason, running: Fault.Reason]
  > = [
    [503, "", "cold", "busy"],
    [502, "<html>", "cold", "busy"],
    [400, '{"error":"Invalid state: TX"}', "gone", "row"],
    [404, "", "gone", "config"],
    [424, "", "engine", "engine"],
    [429, "", "busy", "busy"],
    [401, "", "account", "account"]
  ]
  for (const [status, body, away, running] of bodies) {
    it(`${status} is ${away}, and ${running} while it runs`, () => {
      assert.strictEqual(Fault.classify({ status, body }).reason, away)
      assert.strictEqual(Fault.classify({ status, body, state: "scaledToZero" }).reason, away)
      assert.strictEqual(Fault.classify({ status, body, state: "running" }).reason, running)
    })
  }

  it("no answer is a fault of the connection whatever the state", () => {
    assert.deepInclude(Fault.classify({ transport: "reset", state: "running" }), {
      reason: "transport",
      detail: "reset"
    })
  })
})

describe("what follows from a reason", () => {
  const reasons = Fault.Reason.literals
  const those = (is: (fault: Fault.Fault) => boolean) =>
    reasons.filter((reason) => is(new Fault.Fault({ reason })))

  it("the gate closes for what is cold or gone, and for nothing else", () => {
    assert.deepStrictEqual(those(Fault.closesGate), ["cold", "gone"])
  })

  it("tried again is what may pass in a moment, and nothing else", () => {
    assert.deepStrictEqual(those(Fault.isRetryable), ["busy", "engine", "transport"])
  })
})
