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
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Credentials from "@stint/core/Credentials"
import NodeCrypto from "node:crypto"
import NodePath from "node:path"
import * as Leases from "../Leases.ts"
import type { ReleasePolicy } from "../ManagedEndpoint.ts"
import * as GuardianProcess from "./internal/guardianProcess.ts"
import * as Claims from "./internal/leaseClaim.ts"
import * as File from "./internal/leaseFile.ts"
import * as Hold from "./internal/leaseHold.ts"
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

type TakenOver = Extract<Hold.Entry, { readonly _tag: "TakenOver" }>

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
  // A guardian looks for it from another folder.
  const directory = NodePath.resolve(options?.directory ?? (yield* Store.directory))
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
            record,
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
        // Whoever guards an orphan is relieved by what is written: not before another guardian stands ready.
        if ("record" in decided && decided._tag !== "TakenOver") File.write(file, decided.record)
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
    const turn: Effect.Effect<Hold.Entry, Leases.ClaimError> = Effect.gen(function* () {
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

    /** Takes an orphan over, if it is still as it was when that was decided. */
    const takeOver = Effect.fnUntraced(function* ({ former, record: { generation } }: TakenOver) {
      const since = yield* Store.now
      const self: File.Holder = { ...Process.self(), token, since, isReleasing: false }
      return yield* Store.locked(file, () => {
        const reading = File.read(file)
        if (reading._tag !== "Found" || reading.record.id !== former.id) return undefined
        const { record } = reading
        const decided = Claims.decide({ claim, record, self, id, standing: Process.standing, file })
        if (decided._tag !== "TakenOver" || decided.record.generation !== generation) return undefined
        File.write(file, decided.record)
        return decided
      })
    })
    const isStillThere = ({ former }: TakenOver) =>
      Effect.map(
        Effect.option(Store.read(file)),
        (reading) =>
          Option.isSome(reading) &&
          reading.value._tag === "Found" &&
          reading.value.record.id === former.id &&
          reading.value.record.generation === former.generation
      )

    yield* Effect.mapError(Store.makeDirectory(directory), failed)
    for (;;) {
      const entry = yield* turn
      const { hold, withdraw } = Hold.make({ claim, file, entry, token })
      const stands = yield* guard(claim, file, entry.record, token).pipe(
        Effect.mapError(({ detail }) =>
          failed({
            detail: `the guardian that would release it after a crash could not be started: ${detail}`
          })
        ),
        Effect.interruptible,
        Effect.onError(() => (entry._tag === "TakenOver" ? Effect.void : withdraw)),
        Effect.result
      )
      if (entry._tag !== "TakenOver") return hold(yield* Effect.fromResult(stands))
      // What was left may have been released in the meantime, by who guarded it.
      if (stands._tag === "Failure") {
        if (yield* isStillThere(entry)) return yield* stands.failure
        continue
      }
      const guardian = stands.success
      const dismissed = guardian?.done ?? Effect.void
      const taken = yield* takeOver(entry).pipe(
        Effect.mapError(failed),
        Effect.onError(() => dismissed)
      )
      if (taken !== undefined) return Hold.make({ claim, file, entry: taken, token }).hold(guardian)
      yield* dismissed
    }
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
