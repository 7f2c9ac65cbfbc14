import { assert, describe, it } from "@effect/vitest"
import { Tgi } from "@stint/emulator"
import { Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import { get, post, postJson, read, readJson } from "./fixture/ask.ts"
import { events, lines, metrics } from "./fixture/events.ts"
import { script, slow } from "./fixture/textModels.ts"

const Token = Schema.Struct({
  id: Schema.Int,
  text: Schema.String,
  logprob: Schema.Finite,
  special: Schema.Boolean
})
const StreamEvent = Schema.Struct({
  index: Schema.Int,
  token: Token,
  generated_text: Schema.NullOr(Schema.String),
  details: Schema.NullOr(
    Schema.Struct({
      finish_reason: Schema.String,
      generated_tokens: Schema.Int,
      seed: Schema.NullOr(Schema.Int),
      input_length: Schema.Int
    })
  )
})

describe("generate", () => {
  const engine = Tgi.make(script(" red", " green", " blue"))

  it.effect("answers the text alone at /generate, and prompt and text in a list at /", () =>
    Effect.gen(function* () {
      const own = yield* postJson(engine, "/generate", { inputs: "colours:" })
      assert.strictEqual(own.status, 200)
      assert.deepStrictEqual(yield* readJson(own), { generated_text: " red green blue" })
      const compatible = yield* postJson(engine, "/", { inputs: "colours:" })
      assert.deepStrictEqual(yield* readJson(compatible), [{ generated_text: "colours: red green blue" }])
      const bare = yield* postJson(engine, "/", {
        inputs: "colours:",
        parameters: { return_full_text: false }
      })
      assert.deepStrictEqual(yield* readJson(bare), [{ generated_text: " red green blue" }])
    })
  )

  it.effect("tells tokens and reasons when asked for details", () =>
    Effect.gen(function* () {
      const answer = yield* postJson(engine, "/generate", {
        inputs: "abc",
        parameters: { max_new_tokens: 2, details: true, do_sample: true, seed: 5 }
      })
      assert.deepStrictEqual(yield* readJson(answer), {
        generated_text: " red green",
        details: {
          finish_reason: "length",
          generated_tokens: 2,
          seed: 5,
          prefill: [],
          tokens: [
            { id: 0, text: " red", logprob: -0.5, special: false },
            { id: 1, text: " green", logprob: -0.5, special: false }
          ]
        }
      })
      const greedy = yield* postJson(engine, "/generate", {
        inputs: "abc",
        parameters: { decoder_input_details: true }
      })
      const { details } = yield* read(
        Schema.Struct({
          details: Schema.Struct({
            finish_reason: Schema.String,
            seed: Schema.Null,
            prefill: Schema.Array(
              Schema.Struct({ id: Schema.Int, text: Schema.String, logprob: Schema.Null })
            )
          })
        })
      )(greedy)
      assert.strictEqual(details.finish_reason, "eos_token")
      assert.lengthOf(details.prefill, 3)
    })
  )

  it.effect("says what an answer cost in headers", () =>
    Effect.gen(function* () {
      const answer = yield* postJson(engine, "/generate", { inputs: "abcd" })
      assert.strictEqual(answer.headers["x-prompt-tokens"], "4")
      assert.strictEqual(answer.headers["x-generated-tokens"], "4")
      assert.strictEqual(answer.headers["x-compute-characters"], "4")
      for (const name of ["compute-type", "compute-time", "total-time", "queue-time", "inference-time"])
        assert.isDefined(answer.headers[`x-${name}`])
    })
  )

  it.effect("keeps a stop sequence in the text", () =>
    Effect.gen(function* () {
      const answer = yield* postJson(engine, "/generate", {
        inputs: "a",
        parameters: { stop: ["green"], details: true }
      })
      const body = yield* read(
        Schema.Struct({
          generated_text: Schema.String,
          details: Schema.Struct({ finish_reason: Schema.String })
        })
      )(answer)
      assert.deepStrictEqual(body, {
        generated_text: " red green",
        details: { finish_reason: "stop_sequence" }
      })
    })
  )

  it.effect("answers a grammar with the smallest JSON that it allows", () =>
    Effect.gen(function* () {
      const value = {
        properties: { city: { type: "string" }, days: { type: "integer", minimum: 1 } },
        required: ["city", "days"]
      }
      const answer = yield* postJson(engine, "/generate", {
        inputs: "a",
        parameters: { grammar: { type: "json", value } }
      })
      assert.deepStrictEqual(yield* readJson(answer), { generated_text: `{"city":"","days":1}` })
    })
  )
})

describe("generate_stream", () => {
  const engine = Tgi.make(script(" red", " blue"))

  it.effect("sends a token an event, the whole text with the last", () =>
    Effect.gen(function* () {
      const answer = yield* postJson(engine, "/generate_stream", {
        inputs: "ab",
        parameters: { details: true }
      })
      assert.strictEqual(answer.status, 200)
      assert.match(answer.headers["content-type"] ?? "", /^text\/event-stream/)
      const sent = yield* events(StreamEvent)(answer)
      assert.deepStrictEqual(
        sent.map(({ generated_text, index, token }) => [index, token.text, token.special, generated_text]),
        [
          [1, " red", false, null],
          [2, " blue", false, null],
          [3, "</s>", true, " red blue"]
        ]
      )
      assert.deepStrictEqual(sent.at(-1)?.details, {
        finish_reason: "eos_token",
        generated_tokens: 3,
        seed: null,
        input_length: 2
      })
      const byFlag = yield* postJson(engine, "/", { inputs: "ab", stream: true })
      assert.strictEqual((yield* events(StreamEvent)(byFlag)).at(-1)?.generated_text, "ab red blue")
    })
  )

  it.effect("tells what is wrong inside the stream, after a 200", () =>
    Effect.gen(function* () {
      const answer = yield* postJson(engine, "/generate_stream", {
        inputs: "a",
        parameters: { temperature: -1 }
      })
      assert.strictEqual(answer.status, 200)
      assert.deepStrictEqual(lines(answer), [
        `{"error":"Input validation error: \`temperature\` must be strictly positive","error_type":"validation"}`
      ])
      const best = yield* postJson(engine, "/generate_stream", { inputs: "a", parameters: { best_of: 2 } })
      assert.include(best.text, "`best_of` != 1 is not supported when streaming tokens")
      const chat = yield* postJson(engine, "/v1/chat/completions", { messages: [], stream: true })
      assert.strictEqual(chat.status, 200)
      assert.deepStrictEqual(lines(chat), [
        `{"error":{"message":"Input validation error: \`inputs\` cannot be empty","http_status_code":422}}`,
        "[DONE]"
      ])
    })
  )
})

describe("validation", () => {
  const engine = Tgi.make(slow, { maxTotalTokens: 50, maxInputTokens: 20 })

  it.effect("words each refusal as TGI does, with 422", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [unknown, string]> = [
        [{ inputs: "" }, "`inputs` cannot be empty"],
        [
          { inputs: "a".repeat(21), parameters: { max_new_tokens: 5 } },
          "`inputs` must have less than 20 tokens. Given: 21"
        ],
        [
          { inputs: "aaaa", parameters: { max_new_tokens: 47 } },
          "`inputs` tokens + `max_new_tokens` must be <= 50. Given: 4 `inputs` tokens and 47 `max_new_tokens`"
        ],
        [{ inputs: "a", parameters: { max_new_tokens: 0 } }, "`max_new_tokens` must be strictly positive"],
        [{ inputs: "a", parameters: { temperature: 0 } }, "`temperature` must be strictly positive"],
        [{ inputs: "a", parameters: { top_p: 1 } }, "`top_p` must be > 0.0 and < 1.0"],
        [{ inputs: "a", parameters: { typical_p: 0 } }, "`typical_p` must be > 0.0 and < 1.0"],
        [{ inputs: "a", parameters: { top_k: 0 } }, "`top_k` must be strictly positive"],
        [
          { inputs: "a", parameters: { repetition_penalty: 0 } },
          "`repetition_penalty` must be strictly positive"
        ],
        [{ inputs: "a", parameters: { best_of: 2 } }, "you must use sampling when `best_of` is > 1"],
        [
          { inputs: "a", parameters: { stop: ["1", "2", "3", "4", "5"] } },
          "`stop` supports up to 4 stop sequences. Given: 5"
        ],
        [
          { inputs: "a", parameters: { truncate: 21 } },
          "`truncate` must be strictly positive and less than 20. Given: 21"
        ]
      ]
      for (const [body, message] of cases) {
        const answer = yield* postJson(engine, "/generate", body)
        assert.strictEqual(answer.status, 422)
        assert.deepStrictEqual(yield* readJson(answer), {
          error: `Input validation error: ${message}`,
          error_type: "validation"
        })
      }
    })
  )

  it.effect("refuses a body before it has a meaning in plain text", () =>
    Effect.gen(function* () {
      const statuses = [
        [415, yield* post(engine, "/generate", "{}", "text/plain")],
        [400, yield* post(engine, "/generate", "{")],
        [422, yield* postJson(engine, "/generate", { input: "a" })],
        [422, yield* postJson(engine, "/generate", { inputs: "a", parameters: { max_new_tokens: -1 } })],
        [413, yield* post(engine, "/generate", `{"inputs":"${"a".repeat(2_000_000)}"}`)]
      ] as const
      for (const [status, answer] of statuses) {
        assert.strictEqual(answer.status, status)
        assert.match(answer.headers["content-type"] ?? "", /^text\/plain/)
      }
      assert.strictEqual((yield* get(engine, "GET /generate")).status, 405)
      assert.strictEqual((yield* get(engine, "GET /nothing")).status, 404)
    })
  )

  it.effect("cuts the beginning of a prompt when told to", () =>
    Effect.gen(function* () {
      const answer = yield* postJson(Tgi.make(script("!")), "/generate", {
        inputs: "abcdef",
        parameters: { truncate: 2, decoder_input_details: true }
      })
      const { details } = yield* read(
        Schema.Struct({
          details: Schema.Struct({ prefill: Schema.Array(Schema.Struct({ text: Schema.String })) })
        })
      )(answer)
      assert.deepStrictEqual(
        details.prefill.map(({ text }) => text),
        ["e", "f"]
      )
    })
  )
})

describe("overload", () => {
  it.effect("says 429 to one request more than it lets in, without Retry-After, until one is done", () =>
    Effect.gen(function* () {
      const engine = Tgi.make(slow, { maxConcurrentRequests: 2 })
      const ask = postJson(engine, "/generate", { inputs: "a", parameters: { max_new_tokens: 3 } })
      const [one] = [
        yield* Effect.forkChild(ask, { startImmediately: true }),
        yield* Effect.forkChild(postJson(engine, "/", { inputs: "a", stream: true }), {
          startImmediately: true
        })
      ]
      yield* TestClock.adjust("1 second")
      const refused = yield* ask
      assert.strictEqual(refused.status, 429)
      assert.isUndefined(refused.headers["retry-after"])
      assert.deepStrictEqual(yield* readJson(refused), {
        error: "Model is overloaded",
        error_type: "overloaded"
      })
      const streamed = yield* postJson(engine, "/generate_stream", { inputs: "a" })
      assert.deepStrictEqual(lines(streamed), [`{"error":"Model is overloaded","error_type":"overloaded"}`])
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(one)).status, 200)
      const next = yield* Effect.forkChild(ask, { startImmediately: true })
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* Fiber.join(next)).status, 200)
      const counted = metrics(yield* get(engine, "GET /metrics"))
      assert.strictEqual(counted.get("tgi_request_failure"), 2)
      assert.strictEqual(counted.get("tgi_request_success"), 2)
      assert.strictEqual(counted.get("tgi_batch_current_size"), 1)
    })
  )

  it.effect("lets 128 in when nothing else is said", () =>
    Effect.gen(function* () {
      const engine = Tgi.make(slow)
      const ask = postJson(engine, "/generate", { inputs: "a", parameters: { max_new_tokens: 1 } })
      const all = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 130 }, () => ask),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("2 seconds")
      const statuses = (yield* Fiber.join(all)).map(({ status }) => status)
      assert.strictEqual(statuses.filter((status) => status === 200).length, 128)
      assert.strictEqual(statuses.filter((status) => status === 429).length, 2)
    })
  )
})
