/**
 * `stint endpoints`: endpoints by hand, as the web page and Hugging Face's own command manage them.
 */
import * as Command from "effect/cli/Command"
import * as Api from "../Api.ts"
import { create } from "./endpoints/create.ts"
import * as Delete from "./endpoints/delete.ts"
import { get } from "./endpoints/get.ts"
import { list } from "./endpoints/list.ts"
import { logs } from "./endpoints/logs.ts"
import { metrics } from "./endpoints/metrics.ts"
import { replicas } from "./endpoints/replicas.ts"
import { resume } from "./endpoints/resume.ts"
import { pause, scaleToZero } from "./endpoints/stop.ts"
import { update } from "./endpoints/update.ts"
import { wait } from "./endpoints/wait.ts"

/** `stint endpoints` */
export const endpoints = Command.make("endpoints").pipe(
  Command.withSubcommands([
    // Each by itself: the list of them needs no token.
    Command.provide(list, Api.layer),
    Command.provide(get, Api.layer),
    Command.provide(create, Api.layer),
    Command.provide(update, Api.layer),
    Command.provide(pause, Api.layer),
    Command.provide(resume, Api.layer),
    Command.provide(scaleToZero, Api.layer),
    Command.provide(Delete.delete, Api.layer),
    Command.provide(wait, Api.layer),
    Command.provide(logs, Api.layer),
    Command.provide(metrics, Api.layer),
    Command.provide(replicas, Api.layer)
  ]),
  Command.withShortDescription("Manage endpoints by hand"),
  Command.withDescription("Manage endpoints by hand: list, create, change, pause, watch, delete"),
  Command.withExamples([
    { command: "stint endpoints list", description: "What there is, and what it costs now" },
    { command: "stint endpoints pause a b c", description: "Stop spending" }
  ])
)
