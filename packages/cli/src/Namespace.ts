/**
 * Whose endpoints a command is about.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Endpoints from "@stint/core/Endpoints"

/** The API in the namespace that `--namespace` names, or in the configured one. */
export const service = ({ namespace }: { readonly namespace: Option.Option<string> }) =>
  Effect.map(Endpoints.Endpoints, (endpoints) =>
    Option.match(namespace, { onNone: () => endpoints, onSome: endpoints.in })
  )
