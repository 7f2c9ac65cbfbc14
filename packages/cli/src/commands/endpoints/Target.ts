/**
 * What the commands about endpoints have in common: whose they are, their names, how long to wait for them.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import { EndpointName } from "@stint/core/EndpointName"
import { PositiveDuration } from "../../ShortDuration.ts"

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

/** The flag that says how long to wait. */
export const timeout = Flag.String("timeout").pipe(
  Flag.withMetavar("duration"),
  Flag.withDescription("How long to wait at most, as in 90s or 30m; 20m by default"),
  Flag.withSchema(PositiveDuration),
  Flag.withDefault(Duration.minutes(20))
)

const argument = Argument.String("name").pipe(
  Argument.withDescription("Name of the endpoint"),
  Argument.withSchema(EndpointName)
)

/** One name. */
export const name = argument

/** One name or more. */
export const names = argument.pipe(Argument.atLeast(1))

/** The command line that does something with an endpoint of the same namespace. */
export const commandLine = (
  verb: string,
  endpoint: string,
  { namespace }: { readonly namespace: Option.Option<string> }
): string =>
  `stint endpoints ${verb} ${endpoint}${Option.isSome(namespace) ? ` --namespace ${namespace.value}` : ""}`
