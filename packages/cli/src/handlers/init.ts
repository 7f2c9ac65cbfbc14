/** What `stint init` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as Prompt from "effect/cli/Prompt"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Project from "../init/project.ts"
import { write } from "../init/write.ts"
import type { Given } from "../commands/init.ts"

const askTask = Prompt.Select({
  message: "What should the endpoint do?",
  choices: Project.tasks.map((task) => ({ title: `${task} (${Project.modelOf(task)})`, value: task }))
})

const askModel = (task: Project.Task) =>
  Prompt.String({ message: "Which model?", default: Project.modelOf(task) })

/** What the command does. */
export const handle = Effect.fn("init")(function* ({ folder, force, json, model, task }: Given) {
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
