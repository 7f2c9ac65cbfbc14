/**
 * `stint init`: a small project to begin with.
 */
import * as Schema from "effect/Schema"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Project from "../init/project.ts"
import * as Lazy from "../Lazy.ts"

const flags = {
  folder: Argument.String("dir").pipe(
    Argument.withDescription("The folder to write into, made if it is not there; this one by default"),
    Argument.withDefault(".")
  ),
  task: Flag.Literals("task", Project.tasks).pipe(
    Flag.withDescription("What the endpoint does; asked on a terminal, else feature-extraction"),
    Flag.optional
  ),
  model: Flag.String("model").pipe(
    Flag.withDescription("The model's repository; asked on a terminal, else a small one for the task"),
    Flag.withSchema(
      Schema.String.check(
        Schema.isPattern(/^[\w.-]+\/[\w.-]+$/, { message: "expected a repository, as in intfloat/e5-small" })
      )
    ),
    Flag.optional
  ),
  force: Flag.Boolean("force").pipe(
    Flag.withDescription("Write over files that are there"),
    Flag.withDefault(false)
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("One JSON document about what was written; asks nothing"),
    Flag.withDefault(false)
  )
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint init` */
export const init = Command.make(
  "init",
  flags,
  Lazy.handler(() => import("../handlers/init.ts"))
).pipe(
  Command.withShortDescription("Write a small project to begin with"),
  Command.withDescription("Write a small project: program, endpoint spec, sample rows, settings, README"),
  Command.withExamples([
    {
      command: "stint init my-batch --task text-classification --model distilbert/distilbert-base-cased",
      description: "Ask nothing"
    }
  ])
)
