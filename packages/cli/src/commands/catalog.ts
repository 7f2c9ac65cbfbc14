/**
 * `stint catalog`: models that Hugging Face deploys with settings of its own.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Api from "../Api.ts"
import * as Target from "./endpoints/Target.ts"
import * as Lazy from "../Lazy.ts"

const flags = {
  query: Argument.String("query").pipe(
    Argument.withDescription("Only repositories that have this in their name, in capitals or not"),
    Argument.optional
  ),
  ...Target.flags,
  json: Target.json
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint catalog` */
export const catalog = Command.make(
  "catalog",
  flags,
  Lazy.handler(() => import("../handlers/catalog.ts"))
).pipe(
  Command.provide(Api.layer),
  Command.withDescription("List the models of Hugging Face's catalog, by name"),
  Command.withExamples([{ command: "stint catalog qwen", description: "Those of a family" }])
)
