/**
 * Stands in for a model of speech, which this package does not have: it comes up as one does, and says so to
 * whoever sends it audio.
 */
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Engine from "../Engine.ts"
import * as Toolkit from "../internal/toolkit.ts"

/**
 * The toolkit without a model: healthy, and 400 `{"error"}` for every request, which says what is missing.
 *
 * @example
 * ```ts
 * import { SpeechRecognition } from "@stint/emulator"
 *
 * export const { name } = SpeechRecognition.toolkit // "no-speech-model"
 * ```
 */
export const toolkit: Engine.Engine = {
  name: "no-speech-model",
  healthRoute: "/health",
  handle: (() => {
    const refuse = () =>
      Effect.succeed(
        HttpServerResponse.jsonUnsafe(
          {
            error:
              "This emulator has no model for automatic-speech-recognition. Put a server of your own behind " +
              "the endpoint with a proxy engine."
          },
          { status: 400 }
        )
      )
    return Toolkit.serve(() => Effect.succeed(null), { "POST /": refuse, "POST /predict": refuse })
  })()
}
