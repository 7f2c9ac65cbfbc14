import { assert, describe, it } from "@effect/vitest"
import { EndpointSpec, Policy } from "@stint/core"
import { Effect, Schedule, Stream } from "effect"
import * as Fake from "./fakeHub.ts"

const spec = EndpointSpec.make({
  repository: "acme/model",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

const steps = (fake: ReturnType<typeof Fake.make>) => fake.asked.map(({ method }) => method)

const delays = (fake: ReturnType<typeof Fake.make>) =>
  fake.asked.slice(1).map(({ at }, index) => at - (fake.asked[index]?.at ?? 0))

const running = Fake.endpoint("running")

describe("a call that fails for a moment", () => {
  for (const status of [408, 429, 500, 502, 503, 504]) {
    it.effect(`is tried again after ${status}`, () => {
      const fake = Fake.inOrder(Fake.refusal(status), running)
      return Effect.gen(function* () {
        const endpoint = yield* Fake.inTime(Fake.use(fake, ({ get }) => get("e")))
        assert.strictEqual(endpoint.state, "running")
        assert.deepStrictEqual(steps(fake), ["GET", "GET"])
      })
    })
  }

  it.effect("is tried again when nobody answers, or not in time", () => {
    const fake = Fake.inOrder(
      () => "refused",
      () => "silence",
      running
    )
    return Effect.gen(function* () {
      yield* Fake.inTime(Fake.use(fake, ({ pause }) => pause("e")))
      assert.strictEqual(fake.asked.length, 3)
      assert.isAtLeast(delays(fake)[1] ?? 0, 30_000)
    })
  })

  it.effect("is given up after five retries, half a second doubling to eight apart", () => {
    const fake = Fake.inOrder(Fake.refusal(503, "upstream"))
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Fake.inTime(Fake.use(fake, ({ pause }) => pause("e"))))
      assert.strictEqual(error._tag, "ApiError")
      assert.include(error.message, "ServerError 503")
      assert.include(error.message, "upstream")
      assert.strictEqual(fake.asked.length, 6)
      for (const [index, base] of [500, 1000, 2000, 4000, 8000].entries())
        assert.closeTo(delays(fake)[index] ?? 0, base, base * 0.21)
    })
  })

  it.effect("waits as long as Retry-After says", () => {
    const fake = Fake.inOrder(Fake.refusal(429, "slow down", { "retry-after": "7" }), running)
    return Effect.gen(function* () {
      yield* Fake.inTime(Fake.use(fake, ({ get }) => get("e")))
      assert.isAtLeast(delays(fake)[0] ?? 0, 7000)
    })
  })

  it.effect("believes the RateLimit header only when nothing is left", () => {
    const limit = (left: number) => Fake.refusal(429, "slow down", { ratelimit: `"api";r=${left};t=55` })
    const fake = Fake.inOrder(limit(3), limit(0), running)
    return Effect.gen(function* () {
      yield* Fake.inTime(Fake.use(fake, ({ get }) => get("e")))
      assert.isBelow(delays(fake)[0] ?? 0, 1000)
      assert.isAtLeast(delays(fake)[1] ?? 0, 55_000)
    })
  })

  it.effect("obeys another policy where one is set", () => {
    const fake = Fake.inOrder(Fake.refusal(503))
    return Effect.gen(function* () {
      const call = Fake.use(fake, ({ get }) => get("e"))
      yield* Effect.flip(Effect.provideService(call, Policy.CurrentTransient, Schedule.recurs(2)))
      assert.deepStrictEqual(delays(fake), [0, 0])
    })
  })

  for (const status of [400, 401, 402, 403, 404, 409, 422]) {
    it.effect(`is not tried again after ${status}`, () => {
      const fake = Fake.inOrder(Fake.refusal(status))
      return Effect.gen(function* () {
        yield* Effect.flip(Fake.inTime(Fake.use(fake, ({ get }) => get("e"))))
        assert.strictEqual(fake.asked.length, 1)
      })
    })
  }
})

describe("create", () => {
  const create = (fake: ReturnType<typeof Fake.make>) =>
    Fake.inTime(Fake.use(fake, ({ create }) => create("e", spec)))

  it.effect("looks before it is sent again", () => {
    const fake = Fake.inOrder(Fake.refusal(503), Fake.refusal(404), Fake.endpoint("pending"))
    return Effect.gen(function* () {
      assert.strictEqual((yield* create(fake)).state, "pending")
      assert.deepStrictEqual(steps(fake), ["POST", "GET", "POST"])
    })
  })

  it.effect("is not sent again when it happened after all", () => {
    const fake = Fake.inOrder(() => "refused", Fake.endpoint("initializing"))
    return Effect.gen(function* () {
      assert.strictEqual((yield* create(fake)).state, "initializing")
      assert.deepStrictEqual(steps(fake), ["POST", "GET"])
    })
  })

  it.effect("does not take somebody else's endpoint for its own", () => {
    const other = Fake.endpoint("running", { top: { model: { repository: "other/model" } } })
    const fake = Fake.inOrder(Fake.refusal(502), other, Fake.refusal(409, "Conflict: exists"))
    return Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(create(fake)))._tag, "Conflict")
      assert.deepStrictEqual(steps(fake), ["POST", "GET", "POST"])
    })
  })

  it.effect("does not take an older endpoint for its own, though it looks the same", () => {
    const older = Fake.endpoint("running", { status: { createdAt: "1960-01-01T00:00:00Z" } })
    const fake = Fake.inOrder(Fake.refusal(503), older, Fake.refusal(409, "Conflict: exists"))
    return Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(create(fake)))._tag, "Conflict")
    })
  })

  it.effect("tells a taken name from a used-up quota", () =>
    Effect.gen(function* () {
      const error = (text: string) =>
        Effect.flip(Fake.use(Fake.inOrder(Fake.refusal(409, text)), ({ create }) => create("e", spec)))
      assert.strictEqual((yield* error("409 Conflict"))._tag, "Conflict")
      assert.strictEqual((yield* error("Conflict: Quota exceeded"))._tag, "QuotaExceeded")
    })
  )

  it.effect("accepts 201 as well as 200", () => {
    const fake = Fake.inOrder(Fake.json({ name: "e", status: { state: "pending" } }, 201))
    return Effect.map(create(fake), (endpoint) => assert.strictEqual(endpoint.state, "pending"))
  })

  it.effect("sends the body of the API, and no task when there is none", () => {
    const fake = Fake.inOrder(Fake.endpoint("pending"))
    return Effect.gen(function* () {
      yield* create(fake)
      assert.strictEqual(fake.asked[0]?.url.href, "https://api.endpoints.huggingface.cloud/v2/endpoint/me")
      assert.strictEqual(fake.asked[0]?.body, JSON.stringify(EndpointSpec.toCreateBody("e", spec)))
      assert.notInclude(fake.asked[0]?.body, '"task"')
    })
  })
})

describe("what a server can do to a client", () => {
  it.effect("a token that it echoes is not in the error", () =>
    Effect.gen(function* () {
      const fake = Fake.inOrder(Fake.refusal(401, "Invalid token hf_secret for user"))
      const error = yield* Effect.flip(Fake.use(fake, ({ get }) => get("e")))
      assert.notInclude(error.message, "hf_secret")
      assert.include(error.message, "Invalid token <the token> for user")
      const header = Fake.inOrder(Fake.refusal(403, "no", { "x-error-message": "not for hf_secret" }))
      const other = yield* Effect.flip(Fake.use(header, ({ get }) => get("e")))
      assert.notInclude(other.message, "hf_secret")
      const whoami = yield* Effect.flip(Fake.use(fake, ({ account }) => account))
      assert.notInclude(whoami.message, "hf_secret")
    })
  )

  it.effect("a Retry-After of years is waited for five minutes", () =>
    Effect.gen(function* () {
      const later = Fake.refusal(429, "slow down", { "retry-after": "1000000000" })
      const fake = Fake.inOrder(later, Fake.endpoint("running"))
      yield* Fake.inTime(Fake.use(fake, ({ get }) => get("e")))
      assert.isAtMost(delays(fake)[0] ?? 0, 301_000)
    })
  )
})

describe("what a refusal means", () => {
  const fails = (answer: () => Fake.Answer) =>
    Effect.flip(Fake.inTime(Fake.use(Fake.inOrder(answer), ({ resume }) => resume("e"))))

  it.effect("a quota can stop a resume and an update too", () =>
    Effect.gen(function* () {
      const quota = Fake.refusal(409, "Conflict: Quota exceeded")
      assert.strictEqual((yield* fails(quota))._tag, "QuotaExceeded")
      const update = Fake.use(Fake.inOrder(quota), ({ update }) => update("e", { maxReplica: 2 }))
      assert.strictEqual((yield* Effect.flip(update))._tag, "QuotaExceeded")
    })
  )

  it.effect("resume takes 400 already running for a success", () => {
    const fake = Fake.inOrder(Fake.refusal(400, "Bad Request: Endpoint is already running"), running)
    return Effect.gen(function* () {
      const endpoint = yield* Fake.use(fake, ({ resume }) => resume("e"))
      assert.strictEqual(endpoint.state, "running")
      assert.deepStrictEqual(steps(fake), ["POST", "GET"])
    })
  })

  const reasons: ReadonlyArray<readonly [status: number, text: string, reason: string]> = [
    [400, "Bad Request: Compute instance not available yet", "NoCapacity"],
    [400, "model.task: expected value", "InvalidRequest"],
    [422, "no", "InvalidRequest"],
    [401, "Unauthorized", "Unauthorized"],
    [402, "no credits", "PaymentRequired"],
    [403, "missing permissions: inference.endpoints.write", "Forbidden"],
    [403, "Payment method required for namespace me", "PaymentRequired"],
    [304, "", "DecodeError"]
  ]
  for (const [status, detail, tag] of reasons) {
    it.effect(`${status} "${detail}" is ${tag}`, () =>
      Effect.gen(function* () {
        const answer = status === 304 ? () => new Response(null, { status }) : Fake.refusal(status, detail)
        const error = yield* fails(answer)
        assert.isTrue(error._tag === "ApiError" && error.reason._tag === tag, error.message)
      })
    )
  }

  it.effect("404 is NotFound, wherever an endpoint is named", () =>
    Effect.gen(function* () {
      const errors = yield* Fake.use(Fake.inOrder(Fake.refusal(404)), (endpoints) =>
        Effect.all([
          Effect.flip(endpoints.get("e")),
          Effect.flip(endpoints.pause("e")),
          Effect.flip(endpoints.resume("e")),
          Effect.flip(endpoints.scaleToZero("e")),
          Effect.flip(endpoints.delete("e")),
          Effect.flip(endpoints.update("e", {}))
        ])
      )
      assert.deepStrictEqual(
        errors.map((error) => error._tag),
        Array.from({ length: 6 }, () => "NotFound")
      )
      assert.include(errors[0].message, '"me/e"')
    })
  )

  const bodies: ReadonlyArray<readonly [string, () => Fake.Answer, string | undefined]> = [
    ["JSON", Fake.json({ error: "too small", code: "BAD_REQUEST" }, 400), "too small"],
    ["a list", Fake.json({ error: ["too small", "too big"] }, 400), "too small; too big"],
    ["errors", Fake.json({ errors: [{ message: "too small" }] }, 400), "too small"],
    ["a message", Fake.json({ message: "too small" }, 400), "too small"],
    [
      "plain text",
      Fake.text("Failed to parse the request body as JSON: x", 400),
      "Failed to parse the request body as JSON: x"
    ],
    ["HTML", Fake.text("<html><body>502</body></html>", 400), undefined],
    ["nothing", Fake.text("", 400), undefined],
    ["a header", Fake.json({ error: "body" }, 400, { "x-error-message": "header" }), "header"],
    ["an engine's shape", Fake.json({ error: { message: "too long", code: 400 } }, 400), "too long"]
  ]
  for (const [what, answer, detail] of bodies) {
    it.effect(`reads ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* fails(answer)
        assert.isTrue(error._tag === "ApiError")
        assert.strictEqual(error._tag === "ApiError" ? error.reason.detail : "", detail)
      })
    )
  }

  it.effect("reads no deeper than the stack goes", () =>
    Effect.gen(function* () {
      const abyss = `{"error":${"[".repeat(20_000)}"deep"${"]".repeat(20_000)}}`
      const error = yield* fails(Fake.text(abyss, 400))
      assert.isTrue(error._tag === "ApiError" && error.reason._tag === "InvalidRequest")
    })
  )

  it.effect("names the request for support", () =>
    Effect.gen(function* () {
      const error = yield* fails(Fake.refusal(400, "no", { "x-request-id": "req-1" }))
      assert.include(error.message, "(request req-1)")
    })
  )

  it.effect("a 200 that is no endpoint is a DecodeError, not a defect", () =>
    Effect.gen(function* () {
      for (const answer of [Fake.text("<html>", 200), Fake.json({ items: [] }), Fake.json([])]) {
        const error = yield* fails(answer)
        assert.isTrue(error._tag === "ApiError" && error.reason._tag === "DecodeError", error.message)
      }
    })
  )

  it.effect("delete takes an empty body", () =>
    Fake.use(Fake.inOrder(Fake.text("", 200)), (endpoints) => endpoints.delete("e"))
  )

  it.effect("never shows the token", () =>
    Effect.gen(function* () {
      const errors = [yield* fails(Fake.refusal(401)), yield* fails(() => "refused")]
      for (const error of errors) assert.notInclude(`${error.message} ${JSON.stringify(error)}`, "hf_secret")
    })
  )
})

describe("list", () => {
  it.effect("follows the cursor until there is none, on demand", () => {
    const item = { name: "e", status: { state: "running" } }
    const fake = Fake.make(({ url }) => {
      const page = Number(url.searchParams.get("cursor") ?? 0)
      return Response.json({
        items: [item, item],
        nextCursor: page === 2 ? null : String(page + 1),
        totalItems: 6
      })
    })
    return Effect.gen(function* () {
      const all = yield* Fake.use(fake, ({ list }) =>
        Stream.runCollect(list({ search: "e", tags: ["a", "b"] }))
      )
      assert.strictEqual(all.length, 6)
      assert.deepStrictEqual(
        fake.asked.map(({ url }) => Object.fromEntries(url.searchParams)),
        [{}, { cursor: "1" }, { cursor: "2" }].map((more) => ({
          search: "e",
          tags: "a,b",
          limit: "100",
          ...more
        }))
      )
      fake.asked.length = 0
      yield* Fake.use(fake, ({ list }) => Stream.runCollect(Stream.take(list(), 2)))
      assert.strictEqual(fake.asked.length, 1)
    })
  })

  it.effect("ends at an empty page, whatever the cursor says", () => {
    const fake = Fake.inOrder(Fake.json({ items: [], nextCursor: "more" }))
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* Fake.use(fake, ({ list }) => Stream.runCollect(list())), [])
      assert.strictEqual(fake.asked.length, 1)
    })
  })

  it.effect("ends where the cursor is the same again", () => {
    const item = { name: "e", status: { state: "running" } }
    const fake = Fake.inOrder(Fake.json({ items: [item], nextCursor: "again" }))
    return Effect.gen(function* () {
      assert.strictEqual((yield* Fake.use(fake, ({ list }) => Stream.runCollect(list()))).length, 2)
    })
  })
})

describe("changes", () => {
  it.effect("emits the endpoint now, and then only what differs", () => {
    const states = ["pending", "pending", "initializing", "initializing", "running", "running", "paused"]
    const fake = Fake.make((_, index) => Fake.endpoint(states[index] ?? "paused")())
    return Effect.gen(function* () {
      const seen = yield* Fake.inTime(
        Fake.use(fake, ({ changes }) =>
          changes("e").pipe(
            Stream.map(({ state }) => state),
            Stream.takeUntil((state) => state === "paused"),
            Stream.runCollect
          )
        )
      )
      assert.deepStrictEqual(seen, ["pending", "initializing", "running", "paused"])
    })
  })
})

it.effect("transformClient has the last word on the client", () => {
  const fake = Fake.inOrder(running)
  const hidden = Fake.make(() => "refused")
  return Effect.gen(function* () {
    yield* Fake.use(hidden, ({ get }) => get("e"), { transformClient: () => fake.client })
    assert.deepStrictEqual([fake.asked.length, hidden.asked.length], [1, 0])
  })
})
