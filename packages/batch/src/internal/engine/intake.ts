/**
 * The way in: each item is named, looked up, held, and sent, alone or with others.
 *
 * A pack is sent when it is full; and before, when a place is free and the source has nothing more for the moment. With
 * nothing in flight that moment is as short as it can be, so that the endpoint never waits for company.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Job } from "../../Job.ts"
import type * as Journal from "../../Journal.ts"
import type { Controller } from "../../Limit.ts"
import type { Cells } from "../../Progress.ts"
import { type Decision, DuplicateKey, FingerprintChanged } from "./decision.ts"
import type * as Duplicates from "./duplicates.ts"
import type { Codec } from "./entry.ts"
import type { Gate } from "./gate.ts"
import type { Halt } from "./halt.ts"
import type * as Holdings from "./holdings.ts"
import * as Line from "./line.ts"
import type { Ledger } from "./ledger.ts"
import * as Pack from "../packing/pack.ts"
import type { Packer } from "../packing/packer.ts"
import type { Fate } from "./production.ts"
import type { Waiting } from "./recovery.ts"
import type { Stop } from "./stop.ts"
import type { Turnstile } from "./turnstile.ts"

/** How long a pack stays open for more while others are in flight. */
const LINGER = "5 millis"

export interface Options<In, Out, E, R, SE> {
  readonly job: Job<In, Out, E, R>
  readonly journal: Journal.Journal
  readonly decode: Codec<Out>["decode"]
  readonly decide: (item: In, key: string) => Decision
  /** Whether the key is new. */
  readonly isNew: (key: string) => boolean
  /** Whether an answer may stand for another key's. */
  readonly isShared: boolean
  readonly duplicates: ReturnType<typeof Duplicates.make<In, Fate<Out, E>>> | undefined
  /** Absent: each item is sent alone. */
  readonly packer: Packer<In> | undefined
  readonly ledger: Ledger<In, Out, E>
  readonly holdings: ReturnType<typeof Holdings.make>
  readonly turnstile: Turnstile
  readonly controller: Controller
  readonly gate: Pick<Gate<Stop>, "isClosed">
  readonly halt: Halt<SE>
  readonly cells: Cells
  readonly admit: (waiting: Waiting, isAgain: boolean) => Effect.Effect<boolean>
  readonly send: (pack: Pack.Pack<In>) => void
  /** Sees a pack through on a fiber of its own. */
  readonly attend: (pack: Pack.Pack<In>, trouble: Effect.Effect<void>) => void
}

/** What there is to wait for, if anything. */
type Wait<E = never> = Effect.Effect<void, E> | undefined

export const make = <In, Out, E, R, SE>(options: Options<In, Out, E, R, SE>) => {
  const { controller, duplicates, gate, halt, holdings, job, journal, ledger, send, turnstile } = options
  const packing = options.packer === undefined ? undefined : job.pack
  const accepts = packing === undefined ? undefined : (packing.accepts ?? (() => true))

  const isOpen = () => controller.pace === undefined && !gate.isClosed() && !halt.isHalted()

  /** Sends a pack when it may go, whatever it has to wait for. */
  const escort = (pack: Pack.Pack<In>): Effect.Effect<void> =>
    options.admit(pack, false).pipe(
      Effect.map((isIn) => (isIn ? send(pack) : ledger.drop(pack))),
      Effect.onError(() => Effect.sync(() => ledger.drop(pack)))
    )

  const line = Line.make({
    turnstile,
    onTurn: (pack: Pack.Pack<In>) => {
      if (isOpen()) return send(pack)
      turnstile.leave()
      if (halt.isHalted()) ledger.drop(pack)
      else options.attend(pack, escort(pack))
    }
  })

  /** Sends a pack as soon as it may go. */
  const dispatch = (pack: Pack.Pack<In> | undefined): Wait => {
    if (pack === undefined) return undefined
    if (isOpen() && turnstile.tryEnter()) {
      send(pack)
      return undefined
    }
    // How much the next pack may hold is learnt from those before it: none is closed ahead of its turn.
    if (!isOpen() || options.packer !== undefined) return escort(pack)
    line.join(pack)
    return line.isLong() ? Effect.raceFirst(line.isShort, halt.wait) : undefined
  }

  const add = (packer: Packer<In>, taken: Pack.Taken<In>): Wait => {
    packer.add(taken)
    return packer.isFull() ? dispatch(packer.close()) : undefined
  }

  /** Sends an item alone, or puts it with others. */
  const forward = (taken: Pack.Taken<In>): Wait => {
    const { packer } = options
    if (packer === undefined || accepts?.(taken.item) !== true) return dispatch(Pack.single(taken))
    const wait = packer.fits(taken) ? undefined : dispatch(packer.close())
    return wait === undefined
      ? add(packer, taken)
      : Effect.flatMap(wait, () => add(packer, taken) ?? Effect.void)
  }

  /** Whether the same request is on its way or was just answered: then it waits for that answer. */
  const isSharing = (taken: Pack.Taken<In>): boolean => {
    const request = duplicates?.find(taken)
    if (request === undefined) return false
    if (request.fate === undefined) request.followers.push(taken)
    else ledger.share(taken, request.fate)
    return true
  }

  /** Answers an item from the journal; `false` when it has to be sent. */
  const recall = Effect.fnUntraced(function* (taken: Pack.Taken<In>) {
    const encoded = yield* journal.recall(taken.fingerprint, options.isShared ? undefined : taken.key)
    const output = Option.flatMap(encoded, options.decode)
    if (Option.isNone(output)) return false
    ledger.share(taken, Result.succeed({ output: output.value, encoded }))
    return true
  })

  /** From here on the item is held; whatever goes wrong, it is held no longer than that. */
  const held = (taken: Pack.Taken<In>): Wait<Journal.JournalError> => {
    ledger.hold(taken)
    if (isSharing(taken)) return undefined
    if (journal.knows(taken.fingerprint)) {
      return Effect.gen(function* () {
        if (yield* recall(taken)) return
        duplicates?.lead(taken)
        yield* forward(taken) ?? Effect.void
      }).pipe(Effect.onError(() => Effect.sync(() => ledger.drop({ rows: [taken], attempts: 0 }))))
    }
    duplicates?.lead(taken)
    return forward(taken)
  }

  /** Waits until there is room; who holds it without being on the way must go first. */
  const roomFor = Effect.fnUntraced(function* (bytes: number) {
    yield* dispatch(options.packer?.close()) ?? Effect.void
    yield* Effect.raceFirst(holdings.room(bytes), halt.wait)
  })

  const stop = (why: Stop) => {
    halt.because(why)
    return undefined
  }

  /** Takes an item; gives what there is to wait for before the next, if anything. */
  const take = (item: In): Wait<Journal.JournalError> => {
    const key = job.key(item)
    if (!options.isNew(key)) return stop(new DuplicateKey({ key }))
    const decision = options.decide(item, key)
    if (decision._tag === "Changed") return stop(new FingerprintChanged({ key, count: 1 }))
    if (decision._tag === "Skip") {
      if (holdings.hasRoom(0)) {
        ledger.skip(item, key)
        return undefined
      }
      return Effect.map(roomFor(0), () => ledger.skip(item, key))
    }
    const { bytes, fingerprint } = decision
    const weight = packing?.weight?.(item) ?? Pack.tokensOf(decision)
    const taken = { item, key, fingerprint, bytes, weight, isDecided: false }
    if (holdings.hasRoom(bytes)) return held(taken)
    return Effect.flatMap(
      Effect.suspend(() => roomFor(bytes)),
      () => (halt.isHalted() ? undefined : held(taken)) ?? Effect.void
    )
  }

  /** Closes what is open: sent, or given up where the run has ended. */
  const finish = Effect.suspend(() => {
    const pack = options.packer?.close()
    if (pack === undefined) return Effect.void
    if (halt.isHalted()) return Effect.sync(() => ledger.drop(pack))
    return dispatch(pack) ?? Effect.void
  })

  const sendOpen = Effect.fnUntraced(function* (packer: Packer<In>) {
    // Who waits for its time, and not for a place, has no more to gain by company.
    if (controller.pace !== undefined) return yield* finish
    const isIn = yield* options.admit({ bytes: 0, deadline: Infinity, away: 0 }, false)
    if (!isIn) return yield* finish
    const pack = packer.close()
    if (pack === undefined) turnstile.leave()
    else send(pack)
  })

  /** Sends what is open when nothing comes to fill it, for ever. */
  const impatience = (packer: Packer<In>) =>
    Effect.gen(function* () {
      while (!halt.isHalted()) {
        const nth = yield* packer.opened
        yield* options.cells.inFlight === 0 ? Effect.yieldNow : Effect.sleep(LINGER)
        if (packer.open() === nth) yield* sendOpen(packer)
      }
    })

  return { take, finish, impatience: options.packer && impatience(options.packer) }
}
