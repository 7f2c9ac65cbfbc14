/** Texts that share a request against texts alone, and Base64 against numbers. */
import { Console, Effect, Schema } from "effect"
import type { Bench } from "./harness/bench.ts"
import * as Program from "./harness/program.ts"
import { figure } from "./harness/result.ts"
import { random, shuffled } from "./harness/statistics.ts"
import { spread } from "./harness/text.ts"
import { Line, type Sized } from "./packingLine.ts"
import { IN_FLIGHT } from "./peerWays.ts"

/** Texts a request. */
const sizes = [1, 8, 32, 256] as const

/** What `Batch.run` does as it comes, where the texts are short. */
const USUAL = 32

const engines = {
  tei: { image: "tei", label: "TEI, numbers" },
  numbers: { image: "vLLM", label: "OpenAI route, numbers" },
  vllm: { image: "vLLM", label: "OpenAI route, Base64" }
} as const

type Engine = keyof typeof engines

const lengths = [96, 1024] as const

type Length = (typeof lengths)[number]

interface Kind {
  readonly engine: Engine
  readonly length: Length
}

export const kinds: ReadonlyArray<Kind> = lengths.flatMap((length) =>
  (["tei", "numbers", "vllm"] as const).map((engine) => ({ engine, length }))
)

const labelOf = ({ engine, length }: Kind) =>
  `${engines[engine].label}, vectors of ${length.toLocaleString("en")}`

/** What one kind cost in one round, by the texts a request. */
type Found = ReadonlyMap<number, Sized>

export type Round = ReadonlyMap<Kind, Found>

type Pick = (one: Sized) => number

const cpu: Pick = ({ microsEach }) => microsEach
const speed: Pick = ({ perSecond }) => perSecond

const of = (rounds: ReadonlyArray<Round>, kind: Kind, size: number, pick: Pick): ReadonlyArray<number> =>
  rounds.flatMap((round) => {
    const found = round.get(kind)?.get(size)
    return found === undefined ? [] : [pick(found)]
  })

/** Round by round. */
const toAlone = (rounds: ReadonlyArray<Round>, kind: Kind, size: number, pick: Pick) => {
  const alone = of(rounds, kind, 1, pick)
  return of(rounds, kind, size, pick).map((value, at) => value / (alone[at] ?? Number.NaN))
}

const toNumbers = (rounds: ReadonlyArray<Round>, length: Length, pick: Pick) => {
  const kindOf = (engine: Engine) => kinds.find((kind) => kind.engine === engine && kind.length === length)
  const [spelled, numbers] = [kindOf("vllm"), kindOf("numbers")]
  if (spelled === undefined || numbers === undefined) return []
  const under = of(rounds, numbers, USUAL, pick)
  return of(rounds, spelled, USUAL, pick).map((value, at) => value / (under[at] ?? Number.NaN))
}

/** What packing brings, and Base64. */
export const figuresOf = (rounds: ReadonlyArray<Round>) => [
  ...kinds.flatMap((kind) => [
    figure(`CPU a row, ${USUAL} a request to one, ${labelOf(kind)}`, toAlone(rounds, kind, USUAL, cpu), {
      most: 1
    }),
    figure(
      `rows a second, ${USUAL} a request to one, ${labelOf(kind)}`,
      toAlone(rounds, kind, USUAL, speed),
      {
        least: 1
      }
    )
  ]),
  ...lengths.flatMap((length) => {
    const what = `Base64 to numbers, ${USUAL} a request, vectors of ${length.toLocaleString("en")}`
    return [
      figure(`CPU a row, ${what}`, toNumbers(rounds, length, cpu)),
      figure(`rows a second, ${what}`, toNumbers(rounds, length, speed))
    ]
  })
]

const tableOf = (rounds: ReadonlyArray<Round>, countOf: (length: Length) => number) => ({
  title: "Texts that share a request",
  note: `${lengths.map((length) => `${countOf(length).toLocaleString("en")} texts for vectors of ${length.toLocaleString("en")}`).join(", ")}; 900 characters a text, ${IN_FLIGHT} requests in flight, journal in a file; medians, lowest and highest of ${rounds.length} rounds.`,
  columns: ["", "texts a request", "CPU µs a row", "to one", "rows/s", "to one"],
  rows: kinds.flatMap((kind) =>
    sizes.map((size) => [
      labelOf(kind),
      String(size),
      spread(of(rounds, kind, size, cpu)),
      spread(toAlone(rounds, kind, size, cpu)),
      spread(of(rounds, kind, size, speed)),
      spread(toAlone(rounds, kind, size, speed))
    ])
  )
})

export const packing: Bench = {
  name: "packing",
  title: "Packed and unpacked",
  run: Effect.fnUntraced(function* ({ flags, isQuick, rounds: asked, seed }) {
    const countOf = (length: Length) => (length === 96 ? 2000 : 600) / (isQuick ? 2 : 1)
    const most = String(Math.max(...sizes))
    const urls = new Map<Kind, string>()
    for (const kind of kinds) {
      urls.set(kind, yield* Program.server("embedder.ts", String(kind.length), most, kind.engine))
    }
    const count = asked ?? (isQuick ? 1 : 3)
    const next = random(seed)
    const rounds: Array<Round> = []
    for (let nth = 1; nth <= count; nth++) {
      const round = new Map<Kind, Found>()
      for (const kind of shuffled(kinds, next)) {
        const { image } = engines[kind.engine]
        const order = shuffled(sizes, next).join(",")
        const args = [urls.get(kind) ?? "", image, String(countOf(kind.length)), order]
        const line = yield* Program.ended("packingClient.ts", args, flags)
        const all = yield* Schema.decodeEffect(Line)(line)
        round.set(kind, new Map(all.map((one) => [one.size, one])))
      }
      rounds.push(round)
      yield* Console.error(`packing, round ${nth} of ${count}`)
    }
    return {
      figures: figuresOf(rounds),
      tables: [tableOf(rounds, countOf)],
      plots: [
        {
          kind: "lines" as const,
          id: "packing",
          title: "CPU to embed a text, by the texts that share a request",
          x: "texts a request",
          y: "microseconds a row, median",
          isLogY: true,
          lines: kinds.map((kind) => ({
            label: labelOf(kind),
            points: sizes.map((size) => [size, figure("", of(rounds, kind, size, cpu)).median] as const)
          }))
        }
      ],
      notes: [
        "All sizes of a kind run in one process, in an order that the seed decides. TEI's own numbers have the digits of 32-bit floats; the OpenAI route's, which engines in Python write, those of 64-bit ones, which take longer to read and to write down. Base64 is read as 32-bit floats, and written down with as many digits."
      ]
    }
  }, Effect.scoped)
}
