/** What the tests of the server side share: an emulator with its client, and raw HTTP where the client hides the wire. */
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect, Layer, Option, Redacted, type Schema } from "effect"
import { HttpClient, HttpClientRequest, type HttpMethod } from "effect/http"

export const spec = EndpointSpec.make({
  repository: "sentence-transformers/all-MiniLM-L6-v2",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

/** What {@link memory} provides. */
export type Services = Emulator.Emulator | Endpoints.Endpoints | HttpClient.HttpClient

/** An emulator in memory and `Endpoints` on it. */
export const memory = (options?: Emulator.Options): Layer.Layer<Services> =>
  Emulator.layerEndpoints.pipe(Layer.provideMerge(Emulator.layerMemory(options)))

/** The create body of `huggingface_hub`, letter by letter, with the fields of one level replaced. */
export const createBody = (
  name: string,
  change: {
    readonly top?: Record<string, Schema.Json>
    readonly provider?: Record<string, Schema.Json>
    readonly compute?: Record<string, Schema.Json>
    readonly scaling?: Record<string, Schema.Json>
    readonly model?: Record<string, Schema.Json>
  } = {}
): Record<string, Schema.Json> => ({
  accountId: null,
  name,
  type: "authenticated",
  provider: { vendor: "aws", region: "us-east-1", ...change.provider },
  compute: {
    accelerator: "gpu",
    instanceType: "nvidia-l4",
    instanceSize: "x1",
    scaling: { minReplica: 1, maxReplica: 1, scaleToZeroTimeout: null, ...change.scaling },
    ...change.compute
  },
  model: {
    repository: "intfloat/e5-small",
    framework: "pytorch",
    revision: null,
    image: { huggingface: {} },
    ...change.model
  },
  ...change.top
})

interface Call {
  /** Sent as JSON. */
  readonly body?: Schema.Json | undefined
  /** Sent as it is, called JSON. */
  readonly text?: string | undefined
  /** `null` sends no token; absent is the emulator's own. */
  readonly token?: string | null | undefined
  readonly headers?: Record<string, string> | undefined
}

/** One request to an absolute URL; answers the status and the JSON, or the text, of the body. */
export const call = Effect.fnUntraced(function* (
  method: HttpMethod.HttpMethod,
  url: string | URL,
  options: Call = {}
) {
  const emulator = yield* Emulator.Emulator
  const token = options.token === undefined ? Redacted.value(emulator.token) : options.token
  const request = HttpClientRequest.make(method)(url, {
    headers: { ...options.headers, ...(token === null ? {} : { authorization: `Bearer ${token}` }) }
  })
  const response = yield* HttpClient.execute(
    options.text !== undefined
      ? HttpClientRequest.bodyText(request, options.text, "application/json")
      : options.body !== undefined
        ? HttpClientRequest.bodyJsonUnsafe(request, options.body)
        : request
  )
  const json = yield* Effect.option(response.json)
  return { status: response.status, body: Option.getOrElse(json, () => null) }
})

/** One request below `/v2/endpoint`. */
export const manage = (method: HttpMethod.HttpMethod, path: string, options?: Call) =>
  Effect.flatMap(Emulator.Emulator, ({ urls }) =>
    call(method, `${urls.management.href}/endpoint/${path}`, options)
  )

/** A value inside a JSON answer; `undefined` where there is none. */
export const at = (json: Schema.Json, ...path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null
        ? Object.getOwnPropertyDescriptor(value, key)?.value
        : undefined,
    json
  )
