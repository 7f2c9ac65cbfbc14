/** `stint endpoints replicas`: the containers that there are. */
import * as Command from "effect/cli/Command"
import * as Target from "./Target.ts"
import * as Lazy from "../../Lazy.ts"

const flags = { name: Target.name, ...Target.flags, json: Target.json }

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint endpoints replicas` */
export const replicas = Command.make(
  "replicas",
  flags,
  Lazy.handler(() => import("../../handlers/endpoints/replicas.ts"))
).pipe(Command.withDescription("List the replicas, and how far each is"))
