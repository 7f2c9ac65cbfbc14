/** The ways of others to embed many texts, as their own pages show them: promises behind a bound, gathered in memory. */
import type { EmbeddingModel } from "ai"

export const IN_FLIGHT = 64

export const ways = ["huggingface", "openai", "aiOne", "aiFew", "ai"] as const

export type Way = (typeof ways)[number]

export const labels: Readonly<Record<Way, string>> = {
  huggingface: "`@huggingface/inference` + `p-limit`",
  openai: "`openai` + `p-limit`",
  aiOne: "`ai` `embedMany`, one text a request",
  aiFew: "`ai` `embedMany`, 32 texts a request",
  ai: "`ai` `embedMany`, as it comes (2,048 texts a request)"
}

export interface Row {
  readonly id: string
  readonly text: string
}

const text = "the sea at night ".repeat(60)

/** No two texts are alike. */
export function* rowsOf(count: number, prefix: string): Generator<Row> {
  for (let nth = 0; nth < count; nth++)
    yield { id: `${prefix}${nth}`, text: `${prefix}${nth} ${text}`.slice(0, 900) }
}

/** The vector of a row, or why there is none. */
export type Fate =
  | { readonly id: string; readonly vector: ReadonlyArray<number> }
  | { readonly id: string; readonly error: string }

const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** Each row by itself; one that fails is noted, as users learn to do. */
const settled = async (rows: ReadonlyArray<Row>, one: (text: string) => Promise<ReadonlyArray<number>>) => {
  const { default: pLimit } = await import("p-limit")
  const limit = pLimit(IN_FLIGHT)
  return Promise.all(
    rows.map((row) =>
      limit(async (): Promise<Fate> =>
        one(row.text).then(
          (vector) => ({ id: row.id, vector }),
          (error: unknown) => ({ id: row.id, error: textOf(error) })
        )
      )
    )
  )
}

/** All or nothing: one call for all rows. */
const together = async (rows: ReadonlyArray<Row>, model: EmbeddingModel): Promise<ReadonlyArray<Fate>> => {
  const { embedMany } = await import("ai")
  return embedMany({ model, values: rows.map(({ text }) => text), maxParallelCalls: IN_FLIGHT }).then(
    ({ embeddings }) => rows.map(({ id }, at) => ({ id, vector: embeddings[at] ?? [] })),
    (error: unknown) => rows.map(({ id }) => ({ id, error: textOf(error) }))
  )
}

const flat = (output: ReadonlyArray<unknown>): ReadonlyArray<number> =>
  output.filter((value): value is number => typeof value === "number")

/** The work of one way at an endpoint. Only what it needs is loaded. */
export const make = async (
  way: Way,
  url: string,
  token: string
): Promise<(rows: ReadonlyArray<Row>) => Promise<ReadonlyArray<Fate>>> => {
  switch (way) {
    case "huggingface": {
      const { InferenceClient } = await import("@huggingface/inference")
      const client = new InferenceClient(token, { endpointUrl: url })
      return (rows) => settled(rows, async (inputs) => flat(await client.featureExtraction({ inputs })))
    }
    case "openai": {
      const { default: OpenAI } = await import("openai")
      const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: token })
      return (rows) =>
        settled(rows, async (input) => {
          const { data } = await client.embeddings.create({ model: "bench", input })
          return data[0]?.embedding ?? []
        })
    }
    case "aiOne":
    case "aiFew": {
      const { OpenAICompatibleEmbeddingModel } = await import("@ai-sdk/openai-compatible")
      const model = new OpenAICompatibleEmbeddingModel("bench", {
        provider: "bench",
        url: ({ path }) => `${url}/v1${path}`,
        headers: { authorization: `Bearer ${token}` },
        maxEmbeddingsPerCall: way === "aiOne" ? 1 : 32
      })
      return (rows) => together(rows, model)
    }
    case "ai": {
      const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible")
      const provider = createOpenAICompatible({ name: "bench", baseURL: `${url}/v1`, apiKey: token })
      return (rows) => together(rows, provider.embeddingModel("bench"))
    }
  }
}
