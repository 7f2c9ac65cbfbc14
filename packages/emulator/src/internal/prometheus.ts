/** Metrics as Prometheus reads them: text, a family of samples at a time. */
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

/** A number of a family. */
export interface Sample {
  readonly value: number
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Follows the family's name, as `_sum` does in a histogram. */
  readonly suffix?: string | undefined
}

/** What is counted, and under which name. */
export interface Family {
  readonly name: string
  readonly type: "counter" | "gauge" | "histogram"
  readonly help?: string | undefined
  readonly samples: ReadonlyArray<Sample>
}

const escape = (value: string): string =>
  value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"')

const line = (name: string, { labels = {}, suffix = "", value }: Sample): string => {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escape(text)}"`)
  const set = pairs.length === 0 ? "" : `{${pairs.join(",")}}`
  return `${name}${suffix}${set} ${Number.isFinite(value) ? value : value > 0 ? "+Inf" : "NaN"}\n`
}

/** The text of families. */
export const render = (families: ReadonlyArray<Family>): string =>
  families
    .map(({ help, name, samples, type }) => {
      const head = `${help === undefined ? "" : `# HELP ${name} ${help}\n`}# TYPE ${name} ${type}\n`
      return head + samples.map((sample) => line(name, sample)).join("")
    })
    .join("")

/** Answers families, read when asked. */
export const answer = (
  families: Effect.Effect<ReadonlyArray<Family>>
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.map(families, (families) =>
    HttpServerResponse.text(render(families), { contentType: "text/plain; version=0.0.4; charset=utf-8" })
  )

/** Observations, counted by size. */
export interface Histogram {
  readonly observe: (value: number) => void
  readonly samples: (labels?: Readonly<Record<string, string>>) => ReadonlyArray<Sample>
}

/** Makes a histogram of upper bounds, in order; what is above the last counts too. */
export const histogram = (bounds: ReadonlyArray<number>): Histogram => {
  const counts = bounds.map(() => 0)
  let count = 0
  let sum = 0
  return {
    observe: (value) => {
      bounds.forEach((bound, i) => {
        if (value <= bound) counts[i]! += 1
      })
      count += 1
      sum += value
    },
    samples: (labels = {}) => [
      ...bounds.map((bound, i) => ({
        suffix: "_bucket",
        labels: { ...labels, le: String(bound) },
        value: counts[i]!
      })),
      { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: count },
      { suffix: "_sum", labels, value: sum },
      { suffix: "_count", labels, value: count }
    ]
  }
}

/** Bounds for seconds, from a millisecond to three quarters of an hour. */
export const seconds: ReadonlyArray<number> = [
  0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 640, 2560
]

/** Bounds for tokens. */
export const tokens: ReadonlyArray<number> = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]
