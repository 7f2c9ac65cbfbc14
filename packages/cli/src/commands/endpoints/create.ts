/** `stint endpoints create`: asks for the hardware first, and says what an hour costs. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as SpecFlags from "../../SpecFlags.ts"
import * as Target from "./Target.ts"
import * as Lazy from "../../Lazy.ts"

const flags = {
  name: Target.name,
  ...Target.flags,
  ...SpecFlags.flags,
  wait: Flag.Boolean("wait").pipe(
    Flag.withDescription("Wait until it answers requests"),
    Flag.withDefault(false)
  ),
  timeout: Target.timeout,
  json: Target.json
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint endpoints create` */
export const create = Command.make(
  "create",
  flags,
  Lazy.handler(() => import("../../handlers/endpoints/create.ts"))
).pipe(
  Command.withDescription("Create an endpoint from a spec file or from flags"),
  Command.withExamples([
    {
      command: "stint endpoints create batch --spec endpoint.json --wait",
      description: "And wait until it answers"
    },
    {
      command:
        "stint endpoints create batch --repository intfloat/e5-small --task feature-extraction --vendor aws --region us-east-1 --instance-type intel-spr --instance-size x1",
      description: "Without a file"
    }
  ])
)
