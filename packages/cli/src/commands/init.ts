/**
 * `stint init`: a small project to begin with.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Project from "../init/project.ts"

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

const askTask = Prompt.Select({
  message: "What should the endpoint do?",
  choices: Project.tasks.map((task) => ({ title: `${task} (${Project.modelOf(task)})`, value: task }))
})

const askModel = (task: Project.Task) =>
  Prompt.String({ message: "Which model?", default: Project.modelOf(task) })

/** `stint init` */
export const init = Command.make(
  "init",
  flags,
  Effect.fn("init")(function* ({ folder, force, json, model, task }) {
    const path = yield* Path.Path
    const { canPrompt } = yield* TerminalCapabilities
    const asks = canPrompt && !json
    const into = path.resolve(folder)
    const chosen = Option.isSome(task) ? task.value : asks ? yield* Prompt.run(askTask) : Project.tasks[0]
    const repository = Option.isSome(model)
      ? model.value
      : asks
        ? yield* Prompt.run(askModel(chosen))
        : Project.modelOf(chosen)
    const choice = { task: chosen, model: repository.trim(), name: Project.nameOf(path.basename(into)) }
    // Loaded when it is asked for.
    const { write } = yield* Effect.promise(() => import("../init/write.ts"))
    const files = yield* write(into, choice, force)
    if (json) {
      const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Json))
      return yield* Console.log(yield* encode({ folder: into, ...choice, files }))
    }
    const next = [...(into === path.resolve(".") ? [] : [`cd ${folder}`]), "npm install", "npx stint doctor"]
    yield* Console.log(
      `Wrote ${files.join(", ")}.\n\nNext:\n${next.map((line) => `  ${line}\n`).join("")}  npx stint run rows.jsonl`
    )
  })
).pipe(
  Command.withDescription("Write a small project: program, endpoint spec, sample rows, settings, README"),
  Command.withExamples([
    {
      command: "stint init my-batch --task text-classification --model distilbert/distilbert-base-cased",
      description: "Ask nothing"
    }
  ])
)
