/**
 * Where an example runs: on an emulator in its own process, or with `STINT_EXAMPLES=account` on the account that `HF_TOKEN`
 * names, and there it costs what its first lines say.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Endpoints } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Config, Effect, Layer } from "effect"

/** Only this word spends money: a token alone may be there for something else. */
export const place = Config.Literals(["emulator", "account"], "STINT_EXAMPLES").pipe(
  Config.withDefault("emulator")
)

/** The endpoints of that place, files, and how the emulator is set up, where it is the emulator. */
export const endpoints = (emulator?: Emulator.Options) =>
  Layer.unwrap(
    Effect.map(place, (where) =>
      where === "account"
        ? Layer.provide(Endpoints.layerConfig(), NodeHttpClient.layerUndici)
        : Layer.provide(Emulator.layerEndpoints, Emulator.layerMemory({ boot: "1 second", ...emulator }))
    )
  ).pipe(Layer.provideMerge(NodeServices.layer))
