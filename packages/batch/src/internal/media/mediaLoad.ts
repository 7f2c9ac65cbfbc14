/**
 * One picture or sound of an item, on its way to the endpoint.
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Base64 from "effect/encoding/Base64"
import { Fault } from "../../Fault.ts"
import type { Folder, Loaded, Media } from "../../Media.ts"

/** By what it is recognised again: a file by its content, wherever it lies. */
export const fingerprint = (media: Media): Schema.Json =>
  "file" in media
    ? { type: media.type, bytes: media.bytes, digest: media.digest }
    : { type: media.type, base64: media.base64 }

const unread = (detail: string) => new Fault({ reason: "row", detail })

/** Runs something with its bytes, which are held until it ends. */
export const one = <A, E, R>(
  media: Media,
  folder: Folder | undefined,
  use: (loaded: Loaded) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | Fault, R> => {
  if (folder === undefined) {
    return "file" in media
      ? Effect.fail(
          unread(`the item refers to the file ${media.file}, and the job was given no folder for files`)
        )
      : Effect.matchEffect(Effect.fromResult(Base64.decode(media.base64)), {
          onFailure: () => Effect.fail(unread("the item's Base64 is none")),
          onSuccess: (bytes) => use({ bytes, type: media.type })
        })
  }
  const inside = folder.load([media], ([loaded]) =>
    loaded === undefined ? Effect.die("one was asked for") : Effect.result(use(loaded))
  )
  return Effect.flatMap(
    Effect.mapError(inside, (error) => unread(error.message)),
    Effect.fromResult
  )
}
