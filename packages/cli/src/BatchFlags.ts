/**
 * What a batch is of, wherever it is done: the endpoint, what to create where there is none, and the job.
 */
import * as Flag from "effect/cli/Flag"
import { EndpointName } from "@stint/core/EndpointName"
import * as JobFlags from "./JobFlags.ts"

/** The flags. */
export const flags = {
  endpoint: Flag.String("endpoint").pipe(
    Flag.withAlias("e"),
    Flag.withDescription(
      "Name of the endpoint: resumed when it sleeps, created from --spec when there is none"
    ),
    Flag.withSchema(EndpointName)
  ),
  spec: Flag.String("spec").pipe(
    Flag.withDescription("JSON file that says what to create; without one nothing is created"),
    Flag.optional
  ),
  job: Flag.Literals("job", JobFlags.kinds).pipe(Flag.withDescription("What is done with each row"))
}
