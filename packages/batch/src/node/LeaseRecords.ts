/**
 * Leases that outlive their process: a record on the disk for each endpoint that is held, and a guardian beside each holder.
 *
 * The record says who holds the endpoint, how it was found and what is to become of it, so that another run and
 * `stint sweep` know. It holds no secrets and is its owner's alone. The guardian is a small process that releases the
 * endpoint when its run vanishes: killed, out of memory, aborted.
 *
 * A guardian does not survive what ends the whole machine or the whole process group: the end of a container, systemd's
 * default way of stopping a service, a laptop asleep. There the endpoint's own scale-to-zero is what is left.
 */
import type * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Credentials from "@stint/core/Credentials"
import NodeCrypto from "node:crypto"
import * as Leases from "../Leases.ts"
import type { ReleasePolicy } from "../ManagedEndpoint.ts"
import * as GuardianProcess from "./internal/guardianProcess.ts"
import * as Claims from "./internal/leaseClaim.ts"
import * as File from "./internal/leaseFile.ts"
import * as Process from "./internal/leaseProcess.ts"
import * as Store from "./internal/leaseStore.ts"

/** Where records are kept, and whether a guardian stands by. */
export interface Options {
  /** Default: `$XDG_STATE_HOME/stint/leases`, else `~/.local/state/stint/leases`. */
  readonly directory?: string | undefined
  /** The token that a guardian releases with: given, each claim starts one. Absent: no guardian. */
  readonly guardian?: { readonly token: Redacted.Redacted } | undefined
  /** How long a guardian tries to release before it leaves the rest to a sweep. Default: 15 minutes. */
  readonly giveUpAfter?: Duration.Input | undefined
}

/** Who held or holds an endpoint. */
export interface Holder {
  readonly pid: number
  readonly host: string
  /** ISO 8601. */
  readonly since: string
  readonly isAlive: boolean
}

/**
 * A lease as its record has it.
 *
 * | standing | means |
 * | --- | --- |
 * | `held` | a living process of this machine holds it |
 * | `elsewhere` | a process that cannot be seen from here holds it: of another machine or container |
 * | `orphan` | its holders are gone; a guardian may be at work |
 * | `unconfirmed` | a release was given up: it may still be billing |
 */
export interface Lease {
  readonly file: string
  readonly standing: "held" | "elsewhere" | "orphan" | "unconfirmed"
  readonly apiUrl: string
  readonly namespace: string
  readonly name: string
  readonly policy: ReleasePolicy
  readonly since: string
  readonly generation: number
  readonly holders: ReadonlyArray<Holder>
  readonly facts: Leases.Facts
  readonly unconfirmed: string | undefined
  /** What happened, one line each, the newest last. */
  readonly history: ReadonlyArray<string>
}

/** The folder of the records cannot be read. */
export class RecordsUnreadable extends Schema.TaggedError<RecordsUnreadable>()("RecordsUnreadable", {
  path: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The lease records at ${this.path} cannot be read: ${this.detail}. Mend that, or set XDG_STATE_HOME to a folder of yours.`
  }
}

const leaseOf = (file: string, record: File.LeaseRecord): Lease => {
  const { apiUrl, facts, generation, history, name, namespace, policy, since, unconfirmed } = record
  const seen = record.holders.map((holder) => ({ holder, standing: Process.standing(holder) }))
  const standing = seen.some(({ standing }) => standing === "Alive")
    ? "held"
    : seen.some(({ standing }) => standing === "Elsewhere")
      ? "elsewhere"
      : unconfirmed === undefined
        ? "orphan"
        : "unconfirmed"
  const holders = seen.map(({ holder: { host, pid, since }, standing }) => ({
    pid,
    host,
    since,
    isAlive: standing !== "Gone"
  }))
  return {
    file,
    standing,
    apiUrl,
    namespace,
    name,
    policy,
    since,
    generation,
    holders,
    facts,
    unconfirmed,
    history
  }
}

/**
 * Every lease on record here, and the files among them that are no records.
 *
 * **Example** (What is held)
 *
 * ```ts
 * import { LeaseRecords } from "@stint/batch/node"
 * import { Effect } from "effect"
 *
 * const held = Effect.map(LeaseRecords.list(), ({ leases }) => leases.filter(({ standing }) => standing === "held"))
 * ```
 */
export const list = Effect.fnUntraced(function* (options?: Pick<Options, "directory">): Effect.fn.Return<
  {
    readonly leases: ReadonlyArray<Lease>
    readonly damaged: ReadonlyArray<{ readonly file: string; readonly detail: string }>
  },
  Config.ConfigError | RecordsUnreadable
> {
  const directory = options?.directory ?? (yield* Store.directory)
  const all = yield* Effect.mapError(
    Store.all(directory),
    ({ detail, path }) => new RecordsUnreadable({ path, detail })
  )
  return {
    leases: all.flatMap(({ file, reading }) =>
      reading._tag === "Found" ? [leaseOf(file, reading.record)] : []
    ),
    damaged: all.flatMap(({ file, reading }) =>
      reading._tag === "Damaged" ? [{ file, detail: reading.detail }] : []
    )
  }
})

/** Who left an endpoint, for a person. */
const leftBy = (holders: ReadonlyArray<File.Holder>): string =>
  holders.length === 0
    ? "a run whose release was not confirmed"
    : holders.map(({ host, pid }) => `process ${pid} on ${host}`).join(" and ")

/** How often a claim that waits looks again. */
const LOOK_EVERY = "500 millis"
/** A start whose answer never came has landed by then, or never will. */
const SETTLE = Duration.seconds(5)

/**
 * Makes the service. Fails with a `ConfigError` where the configuration cannot be read.
 */
export const make = Effect.fnUntraced(function* (
  options?: Options
): Effect.fn.Return<Leases.Service, Config.ConfigError> {
  const directory = options?.directory ?? (yield* Store.directory)
  const guardian = options?.guardian
  const env = yield* GuardianProcess.environment
  const giveUpAfter = Duration.fromInputUnsafe(options?.giveUpAfter ?? "15 minutes")

  const guard = (
    claim: Leases.Claim,
    file: string,
    record: File.LeaseRecord,
    holder: string
  ): Effect.Effect<GuardianProcess.Guardian | undefined, GuardianProcess.GuardianFailed> =>
    guardian === undefined
      ? Effect.undefined
      : GuardianProcess.start(
          {
            token: Redacted.value(guardian.token),
            apiUrl: claim.apiUrl,
            namespace: claim.namespace,
            name: claim.name,
            file,
            id: record.id,
            generation: record.generation,
            holder,
            callMillis: Duration.toMillis(Store.CALL_TIMEOUT),
            giveUpMillis: Duration.toMillis(giveUpAfter),
            settleMillis: Duration.toMillis(SETTLE)
          },
          env
        )

  const claim = Effect.fnUntraced(function* (claim: Leases.Claim) {
    const { name, namespace } = claim
    const file = File.fileOf(directory, claim)
    const failed = (error: { readonly path?: string; readonly detail: string }) =>
      new Leases.LeaseRecordError({ namespace, name, path: error.path ?? file, detail: error.detail })
    const { pid } = Process.self()
    const token = NodeCrypto.randomUUID()
    const id = NodeCrypto.randomUUID()

    /** One look at the record, and what follows from it. */
    const attempt = Effect.gen(function* () {
      const since = yield* Store.now
      const self: File.Holder = { ...Process.self(), token, since, isReleasing: false }
      let damage: string | undefined
      const decision = yield* Store.locked(file, () => {
        const reading = File.read(file)
        if (reading._tag === "Damaged")
          damage = `${reading.detail}; set aside as ${File.setAside(file, since)}`
        const record = reading._tag === "Found" ? reading.record : undefined
        const decided = Claims.decide({ claim, record, self, id, standing: Process.standing, file })
        if ("record" in decided) File.write(file, decided.record)
        return decided
      })
      if (damage !== undefined) {
        yield* Effect.logWarning(
          `The lease record of endpoint "${namespace}/${name}" could not be read: ${damage}. Going on without it; if that endpoint runs for nobody, this run will release it.`
        )
      }
      return decision
    })

    let isToldToWait = false
    const turn: Effect.Effect<
      Exclude<Claims.Decision, { readonly _tag: "Wait" | "Refused" | "Conflict" }>,
      Leases.ClaimError
    > = Effect.gen(function* () {
      for (;;) {
        const decision = yield* Effect.mapError(attempt, failed)
        if (decision._tag === "Refused") {
          return yield* new Leases.LeasedElsewhere({ namespace, name, holders: decision.holders })
        }
        if (decision._tag === "Conflict") {
          return yield* new Leases.LeaseConflict({
            namespace,
            name,
            field: "onRelease",
            held: decision.held,
            wanted: claim.policy
          })
        }
        if (decision._tag !== "Wait") return decision
        if (!isToldToWait) yield* claim.onWaiting?.(decision.holders) ?? Effect.void
        isToldToWait = true
        yield* Effect.interruptible(Effect.sleep(LOOK_EVERY))
      }
    })

    yield* Effect.mapError(Store.makeDirectory(directory), failed)
    const decision = yield* turn
    const { generation, id: recordId } = decision.record
    const isStill = (record: File.LeaseRecord) => record.id === recordId && record.generation === generation

    /** Changes the record while it is still ours. */
    const change = <A>(use: (record: File.LeaseRecord) => A) =>
      Store.locked(file, () => {
        const reading = File.read(file)
        return reading._tag === "Found" && isStill(reading.record) ? use(reading.record) : undefined
      })
    const without = (record: File.LeaseRecord) => record.holders.filter((holder) => holder.token !== token)
    const warn = (what: string) => (error: Store.StoreError) =>
      Effect.logWarning(`The lease record of endpoint "${namespace}/${name}" ${what}: ${error.detail}`)

    /** The claim failed after all: as if it had not been made. */
    const withdraw = change((record) => {
      const holders = without(record)
      if (holders.length > 0 || decision._tag === "Joined") File.write(file, { ...record, holders })
      else if (decision._tag === "New") File.remove(file)
      // Whoever guards what was left behind goes on, and a sweep finds it.
      else File.write(file, decision.former)
    }).pipe(Effect.catch(warn("could not be taken back")))

    const guardian = yield* guard(claim, file, decision.record, token).pipe(
      Effect.mapError(({ detail }) =>
        failed({ detail: `the guardian that would release it after a crash could not be started: ${detail}` })
      ),
      Effect.interruptible,
      Effect.onError(() => withdraw)
    )
    let known = decision.record.facts
    const hold: Leases.Hold = {
      orphan:
        decision._tag === "TakenOver"
          ? { since: decision.since, leftBy: leftBy(decision.left), facts: decision.facts }
          : undefined,
      isShared: decision._tag === "Joined",
      note: Effect.fnUntraced(function* (facts) {
        known = Leases.merge(known, facts)
        const at = yield* Store.now
        yield* change((record) => {
          const merged = Leases.merge(record.facts, facts)
          const line = facts.acquisition === undefined ? undefined : `${facts.acquisition} by process ${pid}`
          const next = { ...record, facts: merged }
          File.write(file, line === undefined ? next : File.withLine(next, at, line))
        }).pipe(Effect.mapError(failed))
      }),
      facts: Effect.map(
        Effect.orElseSucceed(Store.read(file), (): File.Reading => ({ _tag: "Missing" })),
        (reading) =>
          reading._tag === "Found" && isStill(reading.record)
            ? Leases.merge(known, reading.record.facts)
            : known
      ),
      leave: Effect.gen(function* () {
        const at = yield* Store.now
        const answer = yield* Store.locked(file, (): "last" | "others" => {
          const reading = File.read(file)
          if (reading._tag !== "Found") return "last"
          const { record } = reading
          const others = Store.living({ ...record, holders: without(record) })
          if (!isStill(record)) return others.length > 0 ? "others" : "last"
          if (others.length > 0) {
            File.write(file, File.withLine({ ...record, holders: others }, at, `left by process ${pid}`))
            return "others"
          }
          const holders = record.holders
            .filter((holder) => holder.token === token)
            .map((holder) => ({ ...holder, isReleasing: true }))
          File.write(file, File.withLine({ ...record, holders }, at, `process ${pid} is releasing`))
          return "last"
        }).pipe(
          // Better released under somebody's feet than left running for nobody.
          Effect.catch((error) => Effect.as(warn("could not be read")(error), "last" as const))
        )
        if (answer === "others") yield* guardian?.done ?? Effect.void
        return answer
      }).pipe(Effect.uninterruptible),
      ended: Effect.fnUntraced(function* (unconfirmed) {
        const at = yield* Store.now
        yield* change((record) => {
          if (unconfirmed === undefined) return File.remove(file)
          const left = { ...record, holders: without(record), unconfirmed }
          File.write(file, File.withLine(left, at, `release not confirmed: ${unconfirmed}`))
        }).pipe(Effect.catch(warn("could not be written")))
        yield* (unconfirmed === undefined ? guardian?.done : guardian?.unconfirmed) ?? Effect.void
      }, Effect.uninterruptible)
    }
    return hold
  }, Effect.uninterruptible)

  return { claim }
})

/**
 * Records of leases on this machine, with a guardian when a token is given for one.
 *
 * **Example** (A lease that survives the death of its process)
 *
 * ```ts
 * import { Inference, withEndpoint } from "@stint/batch"
 * import { LeaseRecords } from "@stint/batch/node"
 * import { Effect, type Redacted } from "effect"
 *
 * declare const token: Redacted.Redacted
 * const program = withEndpoint({ name: "batch-endpoint" }, () => Inference.featureExtraction("the sea at night")).pipe(
 *   Effect.provide(LeaseRecords.layer({ guardian: { token } }))
 * )
 * ```
 */
export const layer = (options?: Options): Layer.Layer<never, Config.ConfigError> =>
  Layer.effect(Leases.Leases, make(options))

/**
 * The same with a guardian, whose token is looked for where {@link Credentials.token} looks: what is configured for
 * `Endpoints.layerConfig` is configured for this.
 *
 * `guardian: false` leaves the guardian off; then no token is looked for.
 */
export const layerConfig = (
  options?: Omit<Options, "guardian"> & { readonly guardian?: boolean | undefined }
): Layer.Layer<never, Config.ConfigError | Credentials.TokenMissing | Credentials.CredentialsRefused> =>
  Layer.effect(
    Leases.Leases,
    Effect.gen(function* () {
      const { guardian, ...rest } = options ?? {}
      return yield* make({
        ...rest,
        guardian: guardian === false ? undefined : { token: yield* Credentials.token }
      })
    })
  )
