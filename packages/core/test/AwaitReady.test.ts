import { assert, describe, it } from "@effect/vitest"
import { Effect, Ref } from "effect"
import * as Fake from "./fakeHub.ts"

/** Answers GETs of the endpoint and health probes each in order; the last of each repeats. */
const world = (gets: ReadonlyArray<() => Fake.Answer>, probes: ReadonlyArray<() => Fake.Answer> = []) => {
  let get = 0
  let probe = 0
  const next = (answers: ReadonlyArray<() => Fake.Answer>, index: number) =>
    (answers[Math.min(index, answers.length - 1)] ?? Fake.text("Ok", 200))()
  return Fake.make(({ url }) => (url.origin === Fake.url ? next(probes, probe++) : next(gets, get++)))
}

const ready = (fake: ReturnType<typeof Fake.make>, options?: Parameters<typeof waitFor>[1]) =>
  Fake.inTime(waitFor(fake, options))

const waitFor = (
  fake: ReturnType<typeof Fake.make>,
  options?: { readonly timeout?: "2 minutes" | "20 minutes" }
) => Fake.use(fake, ({ awaitReady }) => awaitReady("e", options))

const probesOf = (fake: ReturnType<typeof Fake.make>) =>
  fake.asked.filter(({ url }) => url.origin === Fake.url)

const state = (name: string, status: object = {}) => Fake.endpoint(name, { status })
const running = state("running")
const starting = [state("pending"), state("initializing"), running]

describe("awaitReady", () => {
  it.effect("ends when it runs, has a URL and is healthy", () => {
    const fake = world(starting)
    return Effect.gen(function* () {
      assert.strictEqual((yield* ready(fake)).state, "running")
      const [probe, ...more] = probesOf(fake)
      assert.strictEqual(probe?.url.href, `${Fake.url}/health`)
      assert.strictEqual(probe?.authorization, "Bearer hf_secret")
      assert.strictEqual(more.length, 0)
    })
  })

  it.effect("running without a URL is not ready", () => {
    const fake = world([state("running", { url: null }), running])
    return Effect.gen(function* () {
      yield* ready(fake)
      assert.strictEqual(fake.asked.length, 3)
    })
  })

  it.effect(
    "running without health is not ready: 5xx, 404, silence and a broken network are survived",
    () => {
      const fake = world(
        [running],
        [Fake.refusal(503), Fake.refusal(404), () => "silence", () => "refused", Fake.text("Ok", 200)]
      )
      return Effect.gen(function* () {
        yield* ready(fake)
        assert.strictEqual(probesOf(fake).length, 5)
      })
    }
  )

  it.effect("survives a broken network and 5xx of the API", () => {
    const fake = world([
      state("pending"),
      () => "refused",
      Fake.refusal(502),
      () => "silence",
      Fake.refusal(429, "slow", { "retry-after": "20" }),
      running
    ])
    return Effect.map(ready(fake), (endpoint) => assert.strictEqual(endpoint.state, "running"))
  })

  it.effect("keeps polling in a state that nobody has heard of", () => {
    const fake = world([state("hibernating"), state("hibernating"), running])
    return Effect.map(ready(fake), (endpoint) => assert.strictEqual(endpoint.state, "running"))
  })

  it.effect("probes what is scaled to zero, since a request is what wakes it", () => {
    const asleep = state("scaledToZero", { url: Fake.url })
    const fake = world([asleep, state("initializing"), running], [Fake.refusal(503), Fake.text("Ok", 200)])
    return Effect.gen(function* () {
      yield* ready(fake)
      assert.strictEqual(probesOf(fake).length, 2)
    })
  })

  for (const failed of ["failed", "updateFailed"]) {
    it.effect(`ends at ${failed}, with the server's reason`, () =>
      Effect.gen(function* () {
        const fake = world([
          state("initializing"),
          state(failed, { errorMessage: "out of memory", message: "x" })
        ])
        const error = yield* Effect.flip(ready(fake))
        assert.strictEqual(error._tag, "EndpointFailed")
        assert.include(error.message, failed)
        assert.include(error.message, "out of memory")
      })
    )
  }

  it.effect("ends when somebody pauses it meanwhile, and names them", () =>
    Effect.gen(function* () {
      const fake = world([state("initializing"), state("paused", { updatedBy: { id: "1", name: "bob" } })])
      const error = yield* Effect.flip(ready(fake))
      assert.strictEqual(error._tag, "PausedByOther")
      assert.include(error.message, "by bob")
    })
  )

  it.effect("gives a resumed endpoint a moment to stop calling itself paused, and no longer", () =>
    Effect.gen(function* () {
      const brief = yield* ready(world([state("paused"), state("paused"), ...starting]))
      assert.strictEqual(brief.state, "running")
      const fake = world([state("paused")])
      const error = yield* Effect.flip(ready(fake))
      assert.strictEqual(error._tag, "PausedByOther")
      const last = (fake.asked.at(-1)?.at ?? 0) - (fake.asked[0]?.at ?? 0)
      assert.isAtLeast(last, 10_000)
      assert.isBelow(last, 20_000)
    })
  )

  for (const status of [401, 403]) {
    it.effect(`ends when the health route answers ${status}: this token may not call it`, () =>
      Effect.gen(function* () {
        const fake = world([running], [Fake.refusal(status)])
        const error = yield* Effect.flip(ready(fake))
        assert.strictEqual(error._tag, "CallForbidden")
        assert.include(error.message, String(status))
        assert.strictEqual(fake.asked.length, 2)
      })
    )
  }

  it.effect("ends when it is deleted, and when the token is no good", () =>
    Effect.gen(function* () {
      const gone = yield* Effect.flip(ready(world([state("pending"), Fake.refusal(404)])))
      assert.strictEqual(gone._tag, "NotFound")
      const revoked = yield* Effect.flip(ready(world([state("pending"), Fake.refusal(401)])))
      assert.isTrue(revoked._tag === "ApiError" && revoked.reason._tag === "Unauthorized")
    })
  )

  it.effect("ends at the deadline, naming the last state", () =>
    Effect.gen(function* () {
      const fake = world([state("pending"), state("initializing", { message: "pulling image" })])
      const error = yield* Effect.flip(ready(fake, { timeout: "2 minutes" }))
      assert.strictEqual(error._tag, "Timeout")
      assert.include(error.message, "2m")
      assert.include(error.message, "initializing")
      assert.include(error.message, "pulling image")
      assert.isAtMost((fake.asked.at(-1)?.at ?? 0) - (fake.asked[0]?.at ?? 0), 120_000)
    })
  )

  it.effect("has a deadline of 20 minutes when none is given, also while nobody answers", () =>
    Effect.gen(function* () {
      const first = world([() => "silence"])
      const error = yield* Effect.flip(ready(first))
      assert.include(["Timeout", "ApiError"], error._tag)
      const slow = world([state("pending")])
      assert.strictEqual((yield* Effect.flip(ready(slow)))._tag, "Timeout")
      const waited = (slow.asked.at(-1)?.at ?? 0) - (slow.asked[0]?.at ?? 0)
      assert.isAtLeast(waited, 19.9 * 60_000)
      assert.isAtMost(waited, 20 * 60_000)
    })
  )

  it.effect("polls often where boots end: at first, and from a minute and a half to seven minutes", () =>
    Effect.gen(function* () {
      const fake = world([state("pending")])
      yield* Effect.flip(ready(fake, { timeout: "20 minutes" }))
      const start = fake.asked[0]?.at ?? 0
      const looks = fake.asked.map(({ at }) => (at - start) / 1000)
      const delays = (from: number, to: number) =>
        new Set(
          looks.flatMap((at, nth) => {
            const next = looks[nth + 1]
            return at >= from && next !== undefined && next < to ? [Math.round(10 * (next - at)) / 10] : []
          })
        )
      assert.deepStrictEqual(delays(0, 10), new Set([1]))
      assert.deepStrictEqual(delays(15, 89), new Set([5]))
      assert.deepStrictEqual(delays(100, 419), new Set([1.6]))
      assert.deepStrictEqual(delays(430, 1200), new Set([5]))
    })
  )

  it.effect("polls less than once in two seconds over boots of one to seven minutes", () =>
    Effect.gen(function* () {
      const fake = world([state("pending")])
      yield* Effect.flip(ready(fake, { timeout: "20 minutes" }))
      const start = fake.asked[0]?.at ?? 0
      const boots = Array.from({ length: 361 }, (_, nth) => 60 + nth)
      const rates = boots.map(
        (boot) => fake.asked.filter(({ at }) => at - start <= 1000 * boot).length / boot
      )
      assert.isBelow(rates.reduce((sum, rate) => sum + rate, 0) / rates.length, 0.5)
    })
  )

  it.effect("an outage of the API that is shorter than the deadline does not end it", () =>
    Effect.gen(function* () {
      const fake = Fake.make(({ at, url }) =>
        url.origin === Fake.url ? new Response("Ok") : at < 90_000 ? Fake.refusal(503)() : running()
      )
      assert.strictEqual((yield* ready(fake, { timeout: "20 minutes" })).state, "running")
    })
  )

  it.effect("what the container says of the token is not in the error", () =>
    Effect.gen(function* () {
      const failed = state("failed", { errorMessage: "401 for hf_secret" })
      const fake = Fake.make(({ url }) =>
        url.pathname.endsWith("/logs") ? new Response("token=hf_secret") : failed()
      )
      assert.notInclude((yield* Effect.flip(ready(fake))).message, "hf_secret")
    })
  )

  it.effect("says why an endpoint failed, with the end of its log", () =>
    Effect.gen(function* () {
      const failed = state("failed", { errorMessage: "out of memory" })
      const fake = Fake.make(({ url }) =>
        url.pathname.endsWith("/logs") ? new Response("loading\nCUDA out of memory\n") : failed()
      )
      const error = yield* Effect.flip(ready(fake))
      assert.strictEqual(error._tag, "EndpointFailed")
      assert.include(error.message, "The server says: out of memory")
      assert.include(error.message, "  CUDA out of memory")
    })
  )

  it.effect("tells of each change of the status", () =>
    Effect.gen(function* () {
      const seen = yield* Ref.make<ReadonlyArray<string>>([])
      const fake = world([state("pending"), ...starting])
      const onChange = ({ state }: { readonly state: string }) =>
        Ref.update(seen, (states) => [...states, state])
      yield* Fake.inTime(Fake.use(fake, ({ awaitReady }) => awaitReady("e", { onChange })))
      assert.deepStrictEqual(yield* Ref.get(seen), ["pending", "initializing", "running"])
    })
  )
})
