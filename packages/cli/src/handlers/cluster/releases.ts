/** Whether an endpoint was released, from what the rows say. */

type EndpointStatus = import("@stint/cluster/FleetStatus").EndpointStatus
type Seen = Pick<EndpointStatus, "endpoint" | "state" | "leases">

/**
 * Those that a worker leaves behind which may be billing: it holds them still, or it held them before, and neither has anybody
 * else got them nor were they read back as released.
 */
export const leftBy = <A extends Seen>(
  all: ReadonlyArray<A>,
  worker: string,
  before: ReadonlyArray<string>
): ReadonlyArray<A> =>
  all.filter(
    ({ endpoint, leases, state }) =>
      leases.some((lease) => lease.worker === worker) ||
      (leases.length === 0 && state !== "released" && before.includes(endpoint))
  )

/**
 * The same where the database cannot be asked: what the process knows of itself. Those that it had before and has still; all of
 * them where a release has failed.
 */
export const leftUnread = (
  before: ReadonlyArray<string>,
  held: ReadonlyArray<string>,
  isFailed: boolean
): ReadonlyArray<string> => before.filter((endpoint) => isFailed || held.includes(endpoint))

/** Whether it is left to others that hold it. A run that goes on is none of them while nobody of it has it. */
export const isHeldByOthers = (
  { endpoint, leases }: Pick<Seen, "endpoint" | "leases">,
  run: string,
  live: ReadonlyArray<{ readonly run: string; readonly endpoint: string }>
): boolean =>
  leases.length > 0 && live.some((other) => other.run !== run && endpoint.endsWith(`/${other.endpoint}`))
