/** Datasets for the emulator's hub, and a network that keeps the books of who was sent a token. */
import { Emulator } from "@stint/emulator"
import { Effect } from "effect"
import { HttpClient } from "effect/http"
import { parquetWriteBuffer } from "hyparquet-writer"

/** A file with so many rows in groups of 20, from a number on. */
export const parquet = (from: number, count: number, column = "text"): Uint8Array => {
  const numbers = Array.from({ length: count }, (_, at) => from + at)
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: "id", data: numbers.map((n) => `row-${n}`), type: "STRING" },
        { name: column, data: numbers.map((n) => `text ${n}`), type: "STRING" }
      ],
      rowGroupSize: 20
    })
  )
}

/** The ids of rows, from a number to before another one. */
export const ids = (from: number, to: number): ReadonlyArray<string> =>
  Array.from({ length: to - from }, (_, at) => `row-${from + at}`)

const readme = new TextEncoder().encode("# Reviews\n")

const reviews = {
  "default/train/0000.parquet": parquet(0, 50),
  "default/train/0001.parquet": parquet(50, 30),
  "default/train/0002.parquet": parquet(80, 40)
}

/** Each of the kinds that a reader meets. */
export const datasets: NonNullable<Emulator.Options["datasets"]> = {
  "acme/reviews": {
    files: {
      "README.md": readme,
      "data/train-00000-of-00002.parquet": parquet(0, 70),
      "data/train-00001-of-00002.parquet": parquet(70, 50),
      "data/sub/more.parquet": parquet(200, 5)
    },
    converted: reviews
  },
  "acme/several": {
    converted: {
      "de/test/0000.parquet": parquet(0, 1),
      "de/train/0000.parquet": parquet(0, 2),
      "en.20220301/train/0000.parquet": parquet(0, 3)
    }
  },
  "acme/large": { converted: { "default/partial-train/0000.parquet": parquet(0, 10) } },
  "acme/raw": { files: { "README.md": readme, "own/a.parquet": parquet(0, 4) } },
  "acme/empty": { files: { "README.md": readme } },
  "acme/uneven": {
    converted: {
      "default/train/0000.parquet": parquet(0, 5),
      "default/train/0001.parquet": parquet(5, 5, "body")
    }
  },
  "acme/ours": { converted: reviews, access: "private" },
  "acme/theirs": { converted: reviews, access: "private", granted: false },
  "acme/asked": { converted: reviews, access: "gated" },
  "acme/refused": { converted: reviews, access: "gated", granted: false }
}

/** A request, and whether a token went with it. */
export interface Sent {
  readonly url: URL
  readonly hasToken: boolean
}

/** Keeps the books of what a client sends, redirects too. */
export const watched = (client: HttpClient.HttpClient) => {
  const sent: Array<Sent> = []
  return {
    sent,
    client: HttpClient.mapRequest(client, (request) => {
      sent.push({ url: new URL(request.url), hasToken: request.headers["authorization"] !== undefined })
      return request
    })
  }
}

/** The emulator in memory, with these datasets. */
export const memory = (options: Emulator.Options = {}) => Emulator.layerMemory({ datasets, ...options })

/** The emulator on sockets, with these datasets. */
export const sockets = (options: Emulator.ServerOptions = {}) =>
  Emulator.layerServer({ datasets, ...options })

/** The hub that is asked, and the token. */
export const hub = Effect.map(Emulator.Emulator, ({ token, urls }) => ({ hubUrl: urls.hub, token }))

/** As {@link hub}, of somebody who has no token. */
export const anonymous = Effect.map(Emulator.Emulator, ({ urls }) => ({ hubUrl: urls.hub }))
