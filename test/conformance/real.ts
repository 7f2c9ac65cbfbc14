/** Hugging Face itself, if the environment gives a token and says how much an hour of it may cost. */
import { Endpoints } from "@stint/core"
import { Config, Effect, Layer, Option } from "effect"
import { FetchHttpClient } from "effect/http"
import type { Subject } from "./Subject.ts"

const settings = Config.all({
  token: Config.option(Config.NonEmptyString("HF_TOKEN")),
  cap: Config.option(Config.Finite("STINT_LIVE_SPENDING_CAP")),
  organization: Config.option(Config.NonEmptyString("STINT_LIVE_ORGANIZATION"))
})

/** The subject, or why there is none. */
export const real: Effect.Effect<Subject | string, Config.ConfigError> = Effect.gen(function* () {
  const { cap, organization, token } = yield* settings
  if (Option.isNone(token) || Option.isNone(cap))
    return "HF_TOKEN and STINT_LIVE_SPENDING_CAP (US dollars an hour, for any one endpoint) are not both set"
  return {
    layer: Endpoints.layerConfig().pipe(Layer.provide(FetchHttpClient.layer)),
    time: "real",
    pass: (wait) => wait,
    patience: "40 minutes",
    organization: Option.getOrUndefined(organization),
    spendingCap: cap.value
  }
})
