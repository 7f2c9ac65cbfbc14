/**
 * A model that falls back: another endpoint answers where the first cannot be had, and is woken only then.
 *
 * On an account: about ten minutes of nvidia-l4 x1 at $0.80 an hour, some 15 cents.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ManagedEndpoint } from "@stint/batch"
import { HuggingFaceLanguageModel } from "@stint/batch/ai"
import { Console, Effect, ExecutionPlan, Layer } from "effect"
import { LanguageModel } from "effect/ai"
import { endpoints } from "../setup/endpoints.ts"
import { chatSpec } from "./setup/sockets.ts"

const on = (options: ManagedEndpoint.Options) =>
  HuggingFaceLanguageModel.layer({ config: { max_tokens: 40, temperature: 0, seed: 1 } }).pipe(
    Layer.provide(ManagedEndpoint.layer({ ...options, maxCost: 0.5 }))
  )

const plan = ExecutionPlan.make(
  // An endpoint that somebody else keeps. Without a spec it is not created, and here there is none of this name.
  { provide: on({ name: "example-ai-of-the-team" }) },
  { provide: on({ name: "example-ai-own", spec: chatSpec }), attempts: 2 }
)

const program = LanguageModel.generateText({ prompt: "What is a dog?" }).pipe(
  Effect.zip(Effect.service(ExecutionPlan.CurrentMetadata)),
  Effect.withExecutionPlan(plan),
  Effect.flatMap(([{ text }, { stepIndex }]) => Console.log(`answered by step ${stepIndex + 1}: ${text}`))
)

NodeRuntime.runMain(Effect.provide(program, endpoints()))
