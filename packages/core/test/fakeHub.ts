/** A Hugging Face that answers what a test says, and remembers what it was asked. */
import { Endpoints } from "@stint/core"
import { Clock, Effect, Fiber, Layer, Redacted } from "effect"
import { HttpClient, HttpClientError, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"

export interface Asked {
  /** Virtual milliseconds. */
  readonly at: number
  readonly method: string
  readonly url: URL
  readonly authorization: string | undefined
  readonly body: string
}

/** An answer; `refused` is no connection, `silence` no answer at all. */
export type Answer = Response | "refused" | "silence"

/** An `HttpClient` in which every request gets the answer of `respond`, which sees the request and its number. */
export const make = (respond: (asked: Asked, index: number) => Answer) => {
  const asked: Array<Asked> = []
  const client = HttpClient.make((request, url) =>
    Effect.gen(function* () {
      const { body } = request
      const entry: Asked = {
        at: yield* Clock.currentTimeMillis,
        method: request.method,
        url,
        authorization: request.headers["authorization"],
        body: body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : ""
      }
      asked.push(entry)
      const answer = respond(entry, asked.length - 1)
      if (answer === "silence") return yield* Effect.never
      if (answer === "refused")
        return yield* new HttpClientError.HttpClientError({
          reason: new HttpClientError.TransportError({ request, description: "connect ECONNREFUSED" })
        })
      return HttpClientResponse.fromWeb(request, answer)
    })
  )
  return { asked, client, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

/** The same, answering one after the other; the last answer repeats. */
export const inOrder = (first: () => Answer, ...rest: ReadonlyArray<() => Answer>) => {
  const answers = [first, ...rest]
  return make((_, index) => (answers[Math.min(index, answers.length - 1)] ?? first)())
}

export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  () =>
    Response.json(body, { status, headers })

export const refusal = (status: number, error = "no", headers: Record<string, string> = {}) =>
  json({ error, code: "X" }, status, headers)

export const text =
  (body: string, status: number, headers: Record<string, string> = {}) =>
  () =>
    new Response(body, { status, headers })

export const url = "http://abc.us-east-1.aws.endpoints.test"

/** The JSON of an endpoint in a state; it has a URL once it runs. */
export const endpoint = (state: string, more: { readonly top?: object; readonly status?: object } = {}) =>
  json({
    name: "e",
    type: "authenticated",
    healthRoute: "/health",
    provider: { vendor: "aws", region: "us-east-1" },
    compute: { instanceType: "intel-spr", instanceSize: "x1" },
    model: { repository: "acme/model" },
    ...more.top,
    status: { state, ...(state === "running" ? { url } : {}), ...more.status }
  })

export const token = Redacted.make("hf_secret")

/** Runs a program against a fake, with the namespace `me`. */
export const use = <A, E>(
  fake: ReturnType<typeof make>,
  program: (endpoints: Endpoints.Endpoints["Service"]) => Effect.Effect<A, E>,
  options: Partial<Endpoints.Options> = {}
) =>
  Endpoints.make({ token, namespace: "me", ...options }).pipe(
    Effect.flatMap(program),
    Effect.provide(fake.layer)
  )

/** Lets virtual time pass until a program ends, an hour at most. */
export const inTime = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(program, { startImmediately: true })
    for (let second = 0; second < 3600 && fiber.pollUnsafe() === undefined; second++)
      yield* TestClock.adjust("1 second")
    return yield* Fiber.join(fiber)
  })
