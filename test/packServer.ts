/** An embedding endpoint that is held, and follows a script: which texts it chokes on, how many it takes, when it is full. */
import { Batch, Cost, CurrentEndpoint, Job, Limit, type Outcome, Retry } from "@stint/batch"
import { Endpoint } from "@stint/core"
import { Effect, Layer, Schedule, Schema, Stream } from "effect"
import { HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "effect/http"
import { inTime } from "./batchWorld.ts"

/** A refusal as the engine words it. */
export interface Refusal {
  readonly status: number
  readonly detail: string
}

export interface Script {
  readonly image?: "tei" | "vLLM" | "huggingface" | undefined
  /** What is wrong with a text, if anything: one such text spoils its whole request. */
  readonly poison?: ((text: string) => Refusal | undefined) | undefined
  /** Texts a request may hold, and what is said to more. */
  readonly most?: { readonly items: number; readonly refusal: (size: number) => Refusal } | undefined
  /** What becomes of the nth request, whatever it holds. */
  readonly blip?: ((nth: number, texts: ReadonlyArray<string>) => Response | "lost" | undefined) | undefined
  /** Another answer to a good request. */
  readonly answer?: ((texts: ReadonlyArray<string>) => unknown) | undefined
  /** What `/info` says. */
  readonly info?: unknown
  readonly takes?: Effect.Effect<void> | undefined
  /** The same, by what it holds. */
  readonly takesOf?: ((texts: ReadonlyArray<string>) => Effect.Effect<void>) | undefined
  /** Whether the endpoint was away when it seemed so. Default: it was. */
  readonly isAway?: boolean | undefined
}

const Body = Schema.fromJsonString(
  Schema.Struct({
    inputs: Schema.optionalKey(Schema.Union([Schema.String, Schema.Array(Schema.String)])),
    input: Schema.optionalKey(Schema.Union([Schema.String, Schema.Array(Schema.String)])),
    truncate: Schema.optionalKey(Schema.Boolean),
    encoding_format: Schema.optionalKey(Schema.String)
  })
)
const decodeBody = Schema.decodeUnknownSync(Body)

const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest) =>
  decodeBody(body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : "")

/** Every text has a vector of its own. */
export const vectorOf = (text: string): ReadonlyArray<number> => {
  let sum = 0
  for (let at = 0; at < text.length; at++) sum = (sum * 31 + text.charCodeAt(at)) % 65_536
  return [text.length, sum, 1]
}

export interface Seen {
  readonly texts: ReadonlyArray<string>
  readonly status: number
  readonly body: typeof Body.Type
}

const lists = (image: Script["image"], texts: ReadonlyArray<string>): unknown =>
  image === "vLLM"
    ? { data: texts.map((text, index) => ({ index, embedding: vectorOf(text) })) }
    : texts.map(vectorOf)

export const server = (script: Script) => {
  const seen: Array<Seen> = []
  let inFlight = 0
  let most = 0
  const refused = ({ detail, status }: Refusal) => Response.json({ error: detail }, { status })

  const respond = (texts: ReadonlyArray<string>): Response | "lost" => {
    const blip = script.blip?.(seen.length, texts)
    if (blip !== undefined) return blip
    if (script.most !== undefined && texts.length > script.most.items) {
      return refused(script.most.refusal(texts.length))
    }
    for (const text of texts) {
      const refusal = script.poison?.(text)
      if (refusal !== undefined) return refused(refusal)
    }
    return Response.json(script.answer?.(texts) ?? lists(script.image, texts))
  }

  const client = HttpClient.make((request) =>
    Effect.gen(function* () {
      const { pathname } = new URL(request.url)
      if (pathname === "/info" && script.info !== undefined) {
        return HttpClientResponse.fromWeb(request, Response.json(script.info))
      }
      if (request.method === "GET")
        return HttpClientResponse.fromWeb(request, new Response("", { status: 404 }))
      const body = bodyOf(request)
      const given = body.inputs ?? body.input ?? []
      const texts = typeof given === "string" ? [given] : given
      most = Math.max(most, ++inFlight)
      const answer = respond(texts)
      seen.push({ texts, body, status: answer === "lost" ? 0 : answer.status })
      const takes = script.takesOf?.(texts) ?? script.takes ?? Effect.yieldNow
      yield* Effect.onExit(takes, () => Effect.sync(() => void inFlight--))
      if (answer !== "lost") return HttpClientResponse.fromWeb(request, answer)
      return yield* new HttpClientError.HttpClientError({
        reason: new HttpClientError.TransportError({ request, description: "socket hang up" })
      })
    })
  ).pipe(HttpClient.mapRequest(HttpClientRequest.prependUrl("http://e.test")))

  const layer = Layer.unwrap(
    Effect.map(
      Endpoint.fromJson({
        name: "e",
        status: { state: "running", url: "http://e.test", readyReplica: 1 },
        model: { image: { [script.image ?? "tei"]: { url: "x" } } }
      }),
      (endpoint) =>
        Layer.mock(CurrentEndpoint, {
          endpoint,
          url: new URL("http://e.test"),
          acquisition: "Created",
          client,
          bill: Effect.succeed(Cost.bill({ millis: 0, pricePerHour: undefined, replicas: 1 })),
          cap: undefined,
          conceal: (text) => text,
          read: Effect.succeed(endpoint),
          awaitAwake: Effect.succeed({ endpoint, wasAway: script.isAway ?? true }),
          modelName: Effect.succeed("acme/embedder")
        })
    )
  ).pipe(Layer.orDie)

  return { layer, seen, mostInFlight: () => most }
}

export const job = Job.embed({ key: (text: string) => text, text: (text) => text })

export type Outcomes = ReadonlyArray<Outcome<string, ReadonlyArray<number>>>

/** All the outcomes of a run over some texts; a row that breaks the engine is tried once. */
export const outcomesOf = (
  made: ReturnType<typeof server>,
  items: Stream.Stream<string>,
  options?: Batch.Options,
  tries = 0
) =>
  inTime(
    items.pipe(
      Batch.stream(job, { limit: Limit.fixed(4), failureBudget: { inARow: Infinity, rate: 1 }, ...options }),
      Stream.runCollect,
      Effect.provideService(Retry.CurrentBroken, Schedule.recurs(tries)),
      Effect.provide(made.layer)
    )
  )

/** So many texts, each of its own length. */
export const texts = (count: number, prefix = "t"): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, nth) => `${prefix}${nth}${"x".repeat((nth * 7) % 23)}`)
