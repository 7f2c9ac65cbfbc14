/** A place among the holders, in a database that does not always answer. */
import { assert, describe, it } from "@effect/vitest"
import { Migrations } from "@stint/cluster"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as Hold from "../../packages/cluster/src/internal/lease/hold.ts"
import type { Heart } from "../../packages/cluster/src/internal/lease/heartbeat.ts"
import * as Rows from "../../packages/cluster/src/internal/lease/rows.ts"
import * as Postgres from "../postgres/server.ts"

const endpoint = "acme/e"

const heart: Heart = {
  isSure: () => true,
  losses: () => 0,
  regained: Effect.void,
  isAway: () => false,
  others: () => 0,
  setPhase: () => {},
  setCalling: () => {},
  stop: Effect.void
}

/** Somebody who holds it for so long, and whose questions may be answered otherwise. */
const holder = Effect.fnUntraced(function* (
  holder: string,
  given?: { readonly ttlMillis?: number; readonly rows?: (rows: Rows.Rows) => Partial<Rows.Rows> }
) {
  const rows = Rows.make((yield* SqlClient).withoutTransforms())
  const me = { endpoint, holder, worker: holder, ttlMillis: given?.ttlMillis ?? 60_000 }
  const claim = {
    apiUrl: "http://api.invalid/v2",
    namespace: "acme",
    name: "e",
    policy: "pause" as const,
    pricePerHour: undefined,
    whenLeased: "join" as const
  }
  const decision = yield* rows.claim(me, claim)
  if (decision._tag !== "New" && decision._tag !== "Joined" && decision._tag !== "TakenOver") {
    return yield* Effect.die(new Error(`not let in: ${decision._tag}`))
  }
  return Hold.make({ rows: { ...rows, ...given?.rows?.(rows) }, me, claim, decision, heart })
})

const first = "00000000-0000-4000-8000-000000000001"
const second = "00000000-0000-4000-8000-000000000002"

const seen = Effect.gen(function* () {
  const now = yield* Rows.make((yield* SqlClient).withoutTransforms()).look(endpoint)
  return { state: now?.row.state, facts: now?.row.facts, living: now?.living.length }
})

const inDatabase = <A, E>(program: Effect.Effect<A, E, SqlClient>) =>
  Effect.gen(function* () {
    const url = yield* Postgres.database
    return yield* Effect.andThen(Migrations.migrate, program).pipe(Effect.provide(Postgres.client(url, 4)))
  }).pipe(Effect.scoped)

const leave = Effect.fnUntraced(function* (one: Effect.Success<ReturnType<typeof holder>>) {
  const answer = yield* one.leave
  const facts = yield* one.facts
  yield* one.ended()
  return { answer, facts }
})

describe("a holder that did nothing and is the last one out", () => {
  const unread = { rows: () => ({ look: () => Schema.decodeUnknownEffect(Schema.Never)("away") }) }

  it.live("does not call it released where what the others did cannot be read", () =>
    inDatabase(
      Effect.gen(function* () {
        const one = yield* holder(first)
        yield* one.note({ found: { state: "paused" }, acquisition: "Resumed" })
        yield* one.acquired ?? Effect.void
        const two = yield* holder(second, unread)
        assert.strictEqual(yield* one.leave, "others")
        assert.deepStrictEqual(yield* leave(two), { answer: "last", facts: {} })
        const { living, state } = yield* seen
        assert.deepStrictEqual({ living, state }, { living: 0, state: "unconfirmed" })
      })
    )
  )

  it.live("calls it released where it is known that nobody did anything", () =>
    inDatabase(
      Effect.gen(function* () {
        const one = yield* holder(first)
        yield* leave(one)
        assert.strictEqual((yield* seen).state, "released")
      })
    )
  )
})

describe("a holder whose lease has run out", () => {
  it.live("says nothing of the endpoint when it ends", () =>
    inDatabase(
      Effect.gen(function* () {
        const one = yield* holder(first, { ttlMillis: 300 })
        yield* one.acquired ?? Effect.void
        assert.strictEqual(yield* one.leave, "last")
        yield* Effect.sleep("400 millis")
        yield* one.ended()
        const { living, state } = yield* seen
        assert.deepStrictEqual({ living, state }, { living: 0, state: "held" })
      })
    )
  )

  it.live("releases it while nobody else has it, and not once another had it and released it", () =>
    inDatabase(
      Effect.gen(function* () {
        const one = yield* holder(first, { ttlMillis: 300 })
        yield* one.note({ found: { state: "paused" }, acquisition: "Resumed" })
        yield* one.acquired ?? Effect.void
        assert.strictEqual(yield* one.leave, "last")
        yield* Effect.sleep("400 millis")
        const isOurs = one.standing?.isOurs ?? Effect.succeed(true)
        assert.isTrue(yield* isOurs)
        yield* Effect.sleep("400 millis")
        const two = yield* holder(second)
        assert.isFalse(yield* isOurs)
        yield* leave(two)
        assert.isFalse(yield* isOurs)
        yield* one.ended("not read back")
        assert.strictEqual((yield* seen).state, "released")
      })
    )
  )
})

describe("a database that ends the connection of whoever asks whether the endpoint is still theirs", () => {
  /** Each time, or the first time only. */
  const hangUp = Effect.fnUntraced(function* (when: "always" | "once") {
    const sql = yield* SqlClient
    yield* sql`CREATE SEQUENCE asked`
    yield* sql.unsafe(`CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF nextval('asked') = 1 OR ${when === "always"} THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
      RETURN NULL; END $$`)
    yield* sql`CREATE TRIGGER hang_up BEFORE INSERT ON stint_endpoint_leases EXECUTE FUNCTION hang_up()`
  })
  const releasing = Effect.gen(function* () {
    const one = yield* holder(first, { ttlMillis: 1000 })
    yield* one.note({ found: { state: "paused" }, acquisition: "Resumed" })
    yield* one.acquired ?? Effect.void
    assert.strictEqual(yield* one.leave, "last")
    return one
  })
  const unknown = Effect.die(new Error("one that cannot say it"))

  it.live("is one that cannot be asked: what is held is released", () =>
    inDatabase(
      Effect.gen(function* () {
        const one = yield* releasing
        yield* hangUp("always")
        assert.isTrue(yield* one.standing?.isOurs ?? unknown)
      })
    )
  )

  it.live("is asked again, and has the place kept until it is said what became of the endpoint", () =>
    inDatabase(
      Effect.gen(function* () {
        const one = yield* releasing
        yield* Effect.sleep("1200 millis")
        yield* hangUp("once")
        assert.isTrue(yield* one.standing?.isOurs ?? unknown)
        yield* one.ended()
        const { living, state } = yield* seen
        assert.deepStrictEqual({ living, state }, { living: 0, state: "released" })
      })
    )
  )
})

describe("a holder that leaves after its lease ran out and another released the endpoint", () => {
  for (const [what, isAwake, answer] of [
    ["leaves it to whoever has it now, where it had it awake", true, "others"],
    ["releases it again, where its call that wakes it may come late", false, "last"]
  ] as const) {
    it.live(what, () =>
      inDatabase(
        Effect.gen(function* () {
          const one = yield* holder(first, { ttlMillis: 300 })
          yield* one.note({ found: { state: "paused" }, acquisition: "Resumed" })
          yield* one.acquired ?? Effect.void
          if (!isAwake) yield* one.note({ acquisition: "Resumed" })
          yield* Effect.sleep("400 millis")
          yield* Effect.flatMap(holder(second), leave)
          assert.strictEqual((yield* seen).state, "released")
          assert.strictEqual(yield* one.leave, answer)
          assert.strictEqual((yield* seen).living, isAwake ? 0 : 1)
        })
      )
    )
  }
})

describe("whoever is to wake an endpoint for a holder that is back", () => {
  it.live("does so while somebody holds it, one at a time, and not once the holder is gone again", () =>
    inDatabase(
      Effect.gen(function* () {
        const rows = Rows.make((yield* SqlClient).withoutTransforms())
        const one = yield* holder(first, { ttlMillis: 300 })
        yield* one.acquired ?? Effect.void
        yield* Effect.sleep("400 millis")
        yield* Effect.flatMap(holder(second), leave)
        assert.isFalse(yield* rows.waking(endpoint, 60_000))
        assert.strictEqual((yield* seen).state, "released")

        const me = { endpoint, holder: first, worker: first, ttlMillis: 60_000 }
        assert.strictEqual(yield* rows.retake(me, "held"), "released")
        assert.isTrue(yield* rows.waking(endpoint, 60_000))
        assert.strictEqual((yield* seen).state, "unconfirmed")
        assert.isFalse(yield* rows.waking(endpoint, 60_000))
      })
    )
  )
})

describe("an endpoint that sleeps again after its holder was lost", () => {
  /** Whether the reaper looks at it still, and how: one that is lost with its lease, and one that takes over and releases it. */
  const isWatched = Effect.fnUntraced(function* (
    lost: (
      one: Effect.Success<ReturnType<typeof holder>>,
      rows: Rows.Rows
    ) => Effect.Effect<unknown, unknown, SqlClient>
  ) {
    const rows = Rows.make((yield* SqlClient).withoutTransforms())
    const one = yield* holder(first, { ttlMillis: 300 })
    yield* one.note({ found: { state: "paused" }, acquisition: "Resumed" })
    yield* lost(one, rows)
    yield* Effect.sleep("400 millis")
    yield* Effect.flatMap(holder(second), leave)
    assert.strictEqual((yield* seen).state, "released")
    return (yield* rows.due(0, 0)).length > 0
  })
  const aged = Effect.flatMap(
    SqlClient,
    (sql) => sql`UPDATE stint_endpoint_leases SET called_at = called_at - interval '2 minutes'`
  )
  const me = { endpoint, holder: first, worker: first, ttlMillis: 300 }

  for (const [what, watched, lost] of [
    ["is looked at for a minute where its call was under way", true, () => Effect.void],
    ["is not where it was answered", false, (one) => one.acquired ?? Effect.void],
    [
      "is where one of its calls was given up, though a later one was answered",
      true,
      (one) => Effect.andThen(one.unanswered ?? Effect.void, one.acquired ?? Effect.void)
    ],
    ["is not when the minute is over", false, () => aged],
    [
      "is for a minute after the last beat, with which the call may have been sent anew",
      true,
      (_, rows) => Effect.andThen(aged, rows.renew(me, "acquiring", true))
    ],
    [
      "is not for a beat that came after the answer",
      false,
      (one, rows) =>
        Effect.andThen(one.acquired ?? Effect.void, rows.renew({ ...me, ttlMillis: 300 }, "held", false))
    ]
  ] as ReadonlyArray<readonly [string, boolean, Parameters<typeof isWatched>[0]]>) {
    it.live(what, () =>
      inDatabase(
        Effect.gen(function* () {
          assert.strictEqual(yield* isWatched(lost), watched)
        })
      )
    )
  }
})

describe("what could not be written down", () => {
  it.live("is written with the next note", () =>
    inDatabase(
      Effect.gen(function* () {
        let isAway = true
        const one = yield* holder(first, {
          rows: (rows) => ({ note: (...given) => (isAway ? Effect.succeed(false) : rows.note(...given)) })
        })
        const error = yield* Effect.flip(one.note({ found: { state: "paused" }, acquisition: "Resumed" }))
        assert.strictEqual(error._tag, "LeaseRecordError")
        isAway = false
        yield* one.note({ updatedAt: "2026-01-01T00:00:00Z" })
        assert.deepStrictEqual((yield* seen).facts, {
          found: { state: "paused" },
          updatedAt: "2026-01-01T00:00:00Z",
          acquisition: "Resumed"
        })
      })
    )
  )
})
