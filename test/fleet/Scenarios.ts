/** What can befall a fleet, and what comes of it. */
import { Clock, Effect } from "effect"
import type { Member, World } from "./World.ts"

/** Who is there, and who hosts keeper and reaper. */
export interface Scene {
  readonly world: World
  readonly members: ReadonlyArray<Member>
  readonly keeper: Member
}

/** One of them. */
export interface Scenario {
  readonly name: string
  /** Where one worker must be cut off from something. */
  readonly isFar?: true
  /** Whom it befalls. */
  readonly victims: (scene: Scene) => ReadonlyArray<Member>
  /** Brings it about. */
  readonly strike: (member: Member) => Effect.Effect<void>
  /** What befalls the database instead. */
  readonly outage?: (world: World) => Effect.Effect<void, unknown>
  /** How long it lasts before `mend`, in seconds: for a long run, and for a short one. */
  readonly lasts?: readonly [number, number]
  readonly mend?: (member: Member) => Effect.Effect<void>
  /** The one it befalls can send still, and must notice that it may not. */
  readonly notices?: true
  /** Nobody is left: after that time one is started. `cancelled`: and nothing is left to be done by then. */
  readonly oneBack?: "going on" | "cancelled"
  /** The last owner goes in this way too, and the seconds to pause are counted from there: which of those left it is. */
  readonly lastOwner?: "keeper" | "another" | "victim"
  /** What the column of the seconds to pause counts from. */
  readonly pausedFrom: string
}

const nobody = () => []
const others = ({ keeper, members }: Scene) => members.filter((member) => member !== keeper)
const one = (scene: Scene) => others(scene).slice(0, 1)
const second = ({ members }: Scene) => members.slice(1, 2)
const kill = (member: Member) => Effect.andThen(member.kill("SIGKILL"), member.end)

const END = "the last result of the run"
const SAME = "the same befalling the only owner"

/** All of them. */
export const scenarios: ReadonlyArray<Scenario> = [
  { name: "no kill", victims: nobody, strike: () => Effect.void, pausedFrom: END },
  { name: "kill -9 of one", victims: one, strike: kill, lastOwner: "another", pausedFrom: SAME },
  {
    name: "kill -9 of the host of keeper and reaper",
    victims: ({ keeper }) => [keeper],
    strike: kill,
    lastOwner: "keeper",
    pausedFrom: SAME
  },
  {
    name: "kill -9 of all, one back",
    victims: ({ members }) => members,
    strike: kill,
    lasts: [8, 3],
    oneBack: "going on",
    pausedFrom: `${END}, which the one that came back wrote`
  },
  {
    name: "cancelled, kill -9 of all, one back",
    victims: ({ members }) => members,
    strike: kill,
    lasts: [8, 8],
    oneBack: "cancelled",
    pausedFrom: "the start of the one that came back, which pauses it"
  },
  {
    name: "SIGSTOP of one, and thaw",
    victims: one,
    strike: (member) => member.kill("SIGSTOP"),
    lasts: [20, 12],
    mend: (member) => member.kill("SIGCONT"),
    lastOwner: "another",
    pausedFrom: SAME
  },
  {
    name: "Postgres restarted",
    victims: ({ members }) => members,
    strike: () => Effect.void,
    outage: (world) => world.server.restart({ mode: "immediate", down: "3 seconds" }),
    pausedFrom: END
  },
  {
    name: "one cut off from Postgres",
    isFar: true,
    victims: second,
    strike: (member) => member.cut("database"),
    lasts: [20, 12],
    mend: (member) => member.mend("database"),
    notices: true,
    lastOwner: "victim",
    pausedFrom: SAME
  },
  {
    name: "one cut off from the endpoint",
    isFar: true,
    victims: second,
    strike: (member) => member.cut("endpoint"),
    lasts: [15, 8],
    mend: (member) => member.mend("endpoint"),
    pausedFrom: END
  }
]

/** Brings it about, and says since when. */
export const strike = Effect.fnUntraced(function* (
  { outage, strike }: Scenario,
  world: World,
  victims: ReadonlyArray<Member>
) {
  const at = yield* Clock.currentTimeMillis
  yield* Effect.forEach(victims, strike, { concurrency: "unbounded" })
  if (outage === undefined) return at
  yield* Effect.orDie(outage(world))
  return yield* Clock.currentTimeMillis
})
