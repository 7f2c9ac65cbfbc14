/**
 * What can go wrong with an endpoint, as typed errors.
 *
 * Each is caught by its tag, and names the next step.
 *
 * On the emulator only, which does wrong on request.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { type ManagedEndpoint, withEndpoint } from "@stint/batch"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Console, Effect, Layer } from "effect"
import { HttpClient } from "effect/http"

const spec = EndpointSpec.make({
  repository: "intfloat/e5-small",
  task: "feature-extraction",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

/** Holds an endpoint for a moment, and says which error that came to. */
const attempt = (options: ManagedEndpoint.Options) =>
  withEndpoint(options, () => Effect.succeed("it worked")).pipe(
    Effect.catchTags({
      NotFound: (error) => Effect.succeed(error.message),
      PausedByOther: (error) => Effect.succeed(error.message),
      EndpointFailed: (error) => Effect.succeed(error.message),
      Timeout: (error) => Effect.succeed(error.message),
      SpecMismatch: (error) => Effect.succeed(error.message),
      // The one that costs money: the endpoint may go on billing.
      ReleaseUnconfirmed: (error) => Effect.succeed(`${error.message}\n(the one command: ${error.command})`)
    }),
    Effect.flatMap((text) => Console.log(`- ${text}`))
  )

const program = Effect.gen(function* () {
  const { setState } = yield* Emulator.Emulator
  /** Something happens to the endpoint while we wait for it. */
  const meanwhile = (name: string, state: string) => (event: ManagedEndpoint.Event) =>
    event._tag === "Waiting"
      ? Effect.ignore(setState(name, state, { message: "CUDA out of memory" }))
      : Effect.void

  yield* attempt({ name: "nobody" })
  yield* attempt({ name: "paused", spec, onEvent: meanwhile("paused", "paused") })
  yield* attempt({ name: "broken", spec, onEvent: meanwhile("broken", "failed") })
  yield* attempt({ name: "slow", spec, readyTimeout: "100 millis" })
  yield* attempt({ name: "slow", spec: { ...spec, repository: "intfloat/e5-large" } })
  yield* attempt({ name: "stuck", spec, releaseTimeout: "1 second" })
})

/** A network that never delivers the call that would pause "stuck". */
const holdUp = (client: HttpClient.HttpClient) =>
  HttpClient.transform(client, (send, request) =>
    request.url.endsWith("/stuck/pause") ? Effect.never : send
  )

const endpoints = Layer.effect(
  Endpoints.Endpoints,
  Effect.flatMap(Emulator.Emulator, ({ namespace, token, urls }) =>
    Endpoints.make({ namespace, token, apiUrl: urls.management, hubUrl: urls.hub, transformClient: holdUp })
  )
)
const emulated = Layer.provideMerge(endpoints, Emulator.layerMemory({ boot: "1 second" }))

NodeRuntime.runMain(Effect.provide(program, emulated))
