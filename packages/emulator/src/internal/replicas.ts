/** The replicas of one endpoint: which there are, how far each has come, and which takes the next request. */
import * as Latch from "effect/Latch"
import * as Identifier from "./identifier.ts"

/** How far a replica has come. It is billed once it has hardware. */
export type Stage = "pending" | "initializing" | "running"

/** One running container, or one on its way. */
export interface Replica {
  readonly id: string
  stage: Stage
  inFlight: number
  /** The number of the request that it took last. */
  picked: number
  /** Opens when it dies with its requests. */
  readonly death: Latch.Latch
}

/** What an endpoint holds of its replicas, the oldest first. */
export interface Owner {
  readonly id: string
  replicas: ReadonlyArray<Replica>
  /** How many there have ever been: the next one's number. */
  replicaCount: number
  /** How many requests were given to replicas. */
  pickCount: number
}

/** Makes one more. */
export const add = (owner: Owner, stage: Stage): Replica => {
  const replica = {
    id: Identifier.replica(`${owner.id} ${owner.replicaCount++}`),
    stage,
    inFlight: 0,
    picked: 0,
    death: Latch.makeUnsafe()
  }
  owner.replicas = [...owner.replicas, replica]
  return replica
}

/** Makes them so many and all of one stage: the newest go first. */
export const shape = (owner: Owner, count: number, stage: Stage): void => {
  owner.replicas = owner.replicas.slice(0, count)
  for (const replica of owner.replicas) replica.stage = stage
  while (owner.replicas.length < count) add(owner, stage)
}

/** Takes one away. */
export const remove = (owner: Owner, replica: Replica): void => {
  owner.replicas = owner.replicas.filter((other) => other !== replica)
}

/** How many answer requests. */
export const running = ({ replicas }: Owner): number =>
  replicas.reduce((count, { stage }) => count + (stage === "running" ? 1 : 0), 0)

/** How many are billed. */
export const billed = ({ replicas }: Owner): number =>
  replicas.reduce((count, { stage }) => count + (stage === "pending" ? 0 : 1), 0)

/** The one that has the least to do; of several, the one that has waited longest. */
export const pick = (owner: Owner): Replica | undefined => {
  let least: Replica | undefined
  for (const replica of owner.replicas) {
    if (replica.stage !== "running") continue
    const isFreer =
      least === undefined ||
      replica.inFlight < least.inFlight ||
      (replica.inFlight === least.inFlight && replica.picked < least.picked)
    if (isFreer) least = replica
  }
  if (least !== undefined) least.picked = ++owner.pickCount
  return least
}
