/**
 * What a guardian does when its run is gone: the policy, until it is read back or the time is up.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Facts } from "../../Leases.ts"
import * as File from "../internal/leaseFile.ts"
import * as Process from "../internal/leaseProcess.ts"
import * as Step from "../internal/leaseStep.ts"
import * as Api from "./api.ts"
import * as Fence from "./fence.ts"
import type { Order } from "./order.ts"

const FIRST_WAIT = 500
const LONGEST_WAIT = 8_000

/** Whether anything was done to the endpoint at all: what is done is noted before it is. */
const isTouched = (facts: Facts): boolean => facts.found !== undefined || facts.acquisition !== undefined

/**
 * How often to look again after it was read back asleep: a start whose answer never came may land after whatever we do.
 * That of a create is known to be there by what the answer said.
 */
const looksAfter = (facts: Facts): number => {
  if (facts.acquisition === "Adopted") return 0
  return facts.acquisition === "Created" ? (facts.updatedAt === undefined ? 3 : 0) : 1
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Nothing is left to do: what goes wrong with the files from here on changes nothing of that, and is no reason to act again. */
const end = async (order: Fence.Watch, line: string): Promise<void> => {
  try {
    await Fence.unheld(order, (record) => {
      const told = File.withLine(record, Fence.now(), `guardian: ${line}`)
      try {
        File.remove(order.file)
      } finally {
        File.log(order.file, [
          `${order.namespace}/${order.name}:`,
          ...told.history.map((text) => `  ${text}`)
        ])
      }
    })
  } catch {
    return
  }
}

/** Takes the guarded hold out of the record; what is left to do, or `undefined`. */
const countDown = (order: Fence.Watch, why: string) =>
  Fence.within(order, (record) => {
    const holders = record.holders.filter(
      (holder) => holder.token !== order.holder && Process.standing(holder) !== "Gone"
    )
    const step = Step.stepFor(record.policy, record.facts)
    const counted = { ...record, holders }
    if (holders.length > 0) {
      Fence.tell(order, counted, `${why}; process ${holders[0]?.pid} holds the endpoint on`)
      return undefined
    }
    const told = Fence.tell(order, counted, `${why}; policy ${record.policy}`)
    return { step, facts: told.facts }
  })

/** What one attempt came to: confirmed, or what stood in the way. */
type Outcome =
  | { readonly _tag: "Confirmed"; readonly state: string }
  | { readonly _tag: "NotYet"; readonly detail: string; readonly afterMillis: number }

/** One call in its fence; without an answer its status is 0. */
const guardedCall = (
  order: Fence.Watch,
  method: "GET" | "POST" | "PUT" | "DELETE",
  action: string,
  body?: unknown
) =>
  Fence.unheld(order, async (): Promise<Api.Answer> => {
    try {
      return await Api.call(order, method, action, { timeoutMillis: order.callMillis, body })
    } catch (error) {
      return { status: 0, state: undefined, detail: message(error), retryAfterMillis: undefined }
    }
  })

const actions = { pause: "/pause", scaleToZero: "/scale-to-zero", delete: "" } as const

const attempt = async (
  order: Fence.Watch,
  step: Exclude<Step.Step, "leave">,
  onlyLook: boolean
): Promise<Outcome> => {
  const method = step === "delete" ? "DELETE" : "POST"
  const sent = onlyLook ? undefined : await guardedCall(order, method, actions[step])
  if (sent?.status === 404) return { _tag: "Confirmed", state: "deleted" }
  // A refused or lost call proves nothing either way: what counts is what is read back.
  const seen = await guardedCall(order, "GET", "")
  if (seen.status === 404) return { _tag: "Confirmed", state: "deleted" }
  if (
    seen.state !== undefined &&
    (Step.isDone(step, seen.state) || (onlyLook && Step.isDone("pause", seen.state)))
  )
    return { _tag: "Confirmed", state: seen.state }
  const told = sent === undefined || (sent.status >= 200 && sent.status < 300) ? seen : sent
  return {
    _tag: "NotYet",
    detail: `${step}: ${told.status === 0 ? "" : `${told.status} `}${told.state ?? told.detail}`,
    afterMillis: told.retryAfterMillis ?? 0
  }
}

/** Puts the scaling back that was changed for the lease, now that nothing runs that a change would roll. */
const putBack = async (order: Fence.Watch, { found, isScalingChanged }: Facts): Promise<string> => {
  if (isScalingChanged !== true || found === undefined) return ""
  const scaling = { minReplica: found.minReplica, scaleToZeroTimeout: found.scaleToZeroTimeout ?? null }
  const answer = await guardedCall(order, "PUT", "", { compute: { scaling } })
  return answer.status >= 200 && answer.status < 300
    ? "; its scaling is as it was found"
    : `; ITS SCALING COULD NOT BE PUT BACK (${answer.detail}): it was ${JSON.stringify(scaling)}`
}

const carryOut = async (
  order: Fence.Watch,
  step: Exclude<Step.Step, "leave">,
  facts: Facts
): Promise<void> => {
  // Time that a clock set by hand cannot stretch.
  const deadline = performance.now() + order.giveUpMillis
  let wait = FIRST_WAIT
  let last = ""
  // A start that is still on its way is waited for: what is paused now may be started by it in a moment.
  let looks = looksAfter(facts)
  // Where the record is missing, who took it away may have released the endpoint: then there is nothing to do.
  let onlyLook = order.wasMissing
  for (;;) {
    const outcome = await attempt(order, step, onlyLook)
    if (outcome._tag === "Confirmed") {
      if (looks === 0) {
        const scaling = outcome.state === "deleted" ? "" : await putBack(order, facts)
        await end(order, `released: ${outcome.state}, read back from the API${scaling}`)
        return
      }
      looks--
      // What is gone may be created in a moment: it is deleted again, but not by whom others have forestalled.
      onlyLook ||= outcome.state !== "deleted"
      await sleep(order.settleMillis)
      continue
    }
    onlyLook = false
    const isNew = outcome.detail !== last
    last = outcome.detail
    if (isNew) await Fence.unheld(order, (record) => Fence.tell(order, record, `not confirmed yet: ${last}`))
    const pause = Math.max(wait, outcome.afterMillis)
    if (performance.now() + pause > deadline) break
    await sleep(pause)
    wait = Math.min(wait * 2, LONGEST_WAIT)
  }
  await Fence.unheld(order, (record) =>
    Fence.tell(
      order,
      { ...record, unconfirmed: last },
      `given up, the endpoint may still be billing: ${last}`
    )
  )
}

const act = async (order: Fence.Watch, why: string): Promise<void> => {
  const task = await countDown(order, why)
  if (task === undefined) return
  if (task.step === "leave") return end(order, "left as it is, as the policy says")
  if (!isTouched(task.facts)) return end(order, "nothing had been done to the endpoint")
  return carryOut(order, task.step, task.facts)
}

/** Releases the endpoint as the record's policy says, unless somebody else holds it or has taken it over. */
export const release = async (given: Order, why: string): Promise<void> => {
  const order = Fence.watchOf(given)
  const deadline = performance.now() + order.giveUpMillis
  for (;;) {
    try {
      return await act(order, why)
    } catch (error) {
      // Somebody else answers for the endpoint now; or there is trouble with the disk, which may pass.
      if (error instanceof Fence.Relieved || performance.now() > deadline) return
      await sleep(FIRST_WAIT * 4)
    }
  }
}
