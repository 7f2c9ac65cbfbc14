/**
 * Which endpoints a command is about: the namespace and the names.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as Endpoints from "@stint/core/Endpoints"
import * as EndpointSpec from "@stint/core/EndpointSpec"

/** The flag that says whose endpoints. */
export const flags = {
  namespace: Flag.String("namespace").pipe(
    Flag.withDescription("User or organisation; else HF_ENDPOINTS_NAMESPACE, else the token's own user"),
    Flag.optional
  )
}

/** The flag that every command has. */
export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("One JSON document on stdout, for a program to read"),
  Flag.withDefault(false)
)

const argument = Argument.String("name").pipe(
  Argument.withDescription("Name of the endpoint"),
  Argument.withSchema(EndpointSpec.Name)
)

/** One name. */
export const name = argument

/** One name or more. */
export const names = argument.pipe(Argument.atLeast(1))

interface Given {
  readonly namespace: Option.Option<string>
}

/** The API in the namespace that is meant. */
export const service = ({ namespace }: Given) =>
  Effect.map(Endpoints.Endpoints, (endpoints) =>
    Option.match(namespace, { onNone: () => endpoints, onSome: endpoints.in })
  )

/** The command line that does something with an endpoint of the same namespace. */
export const commandLine = (verb: string, endpoint: string, { namespace }: Given): string =>
  `stint endpoints ${verb} ${endpoint}${Option.isSome(namespace) ? ` --namespace ${namespace.value}` : ""}`
