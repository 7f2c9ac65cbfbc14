/**
 * What an endpoint may be called.
 */
import * as Schema from "effect/Schema"

/**
 * Endpoint names: 1 to 32 lowercase letters, digits and hyphens. The server judges the rest.
 *
 * @source The API's OpenAPI document.
 *
 * **Example** (A name that no endpoint can have)
 *
 * ```ts
 * import { EndpointName } from "@stint/core"
 *
 * console.log(EndpointName.isValid("Nightly Batch")) // => false
 * ```
 */
export const EndpointName = Schema.String.check(
  Schema.isPattern(/^[a-z0-9-]{1,32}$/, {
    message: "expected 1 to 32 lowercase letters, digits or hyphens"
  })
)

/** Whether a text can be the name of an endpoint. */
export const isValid = Schema.is(EndpointName)
