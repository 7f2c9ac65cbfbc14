/**
 * The whole path: 20,000 definitions, embedded on an endpoint that is awake for them and paused before and after.
 *
 *     npm run demo
 *     npm run demo -- --fresh
 *
 * Nothing is billed: the endpoint is emulated on this machine. With `Endpoints.layerConfig()` in the place of
 * `EmulatorProcess.layer` the same program runs on Hugging Face.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, FileSystem, Layer, Option, Path, Ref, Schema, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { HttpClient } from "effect/http"
import { Batch, type Cost, Job, Journal, Progress, Sink, withEndpoint } from "@stint/batch"
import { FolderLock } from "@stint/batch/node"
import { Endpoints, EndpointSpec } from "@stint/core"
import * as EmulatorProcess from "./EmulatorProcess.ts"
import * as Neighbours from "./Neighbours.ts"
import * as Texts from "./Texts.ts"
import * as View from "./View.ts"

const name = "demo-embed"

const spec = EndpointSpec.make({
  repository: "stint/wordnet-static",
  task: "feature-extraction",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

const job = Job.embed({ key: (item: Texts.Text) => item.key, text: (item) => item.text })

const identity = Batch.identityFromSpec(spec)

/** Wakes the endpoint, embeds what is not done, pauses the endpoint, and asks the API what state it is in. */
const embed = Effect.fnUntraced(function* (items: Stream.Stream<Texts.Text>, total: number, view: View.View) {
  const progress = Progress.make({ total })
  const bill = yield* Ref.make<Cost.Bill | undefined>(undefined)

  const report = yield* withEndpoint(
    {
      name,
      spec,
      onEvent: (event) =>
        Effect.andThen(view.event(event), event._tag === "Released" ? Ref.set(bill, event.bill) : Effect.void)
    },
    () => items.pipe(Batch.run(job, { identity, progress }), view.follow(progress))
  )

  const { get } = yield* Endpoints.Endpoints
  const { state } = yield* get(name)
  return { report: { ...report, bill: yield* Ref.get(bill) }, state }
})

const demo = Effect.fnUntraced(function* (folder: string, rows: number) {
  const path = yield* Path.Path
  const view = yield* View.make
  const definitions = yield* Texts.definitions(rows)
  const items = Stream.fromIterable([...definitions, ...Texts.questions])

  yield* view.say(
    view.bold(
      `${view.count(definitions.length)} dictionary definitions and five questions, embedded over HTTP.`
    ),
    view.dim("The endpoint is emulated on this machine: no account, and nobody is billed."),
    view.dim("Its model is small and knows words, not sentences: 1.3 MB, learned from WordNet."),
    ""
  )

  // Everything that can be known before an endpoint is woken: how many items there are, and how many are left to do.
  const plan = yield* Batch.prepare(items, job, { identity })
  const all = plan.remaining === 0 ? ": the journal has them, nothing is woken" : ""
  yield* view.say(view.row("to do", `${view.count(plan.remaining)} of ${view.count(plan.items)} texts${all}`))

  const ran =
    plan.remaining === 0
      ? Option.none()
      : Option.some(
          yield* embed(items, plan.items, view).pipe(
            Effect.onInterrupt(() =>
              view.say("", "Interrupted. What is done is kept: npm run demo goes on.")
            ),
            Effect.provide(EmulatorProcess.layer)
          )
        )

  // Derived from the journal: complete, or not there.
  yield* Sink.results(folder)

  yield* view.say("", "The nearest definitions, from results.jsonl:", "")
  const vectors = yield* Neighbours.read(path.join(folder, "results.jsonl"))
  for (const question of Texts.questions) {
    yield* view.answer(question, Neighbours.nearest(vectors, question.key, definitions, 2))
  }

  yield* view.say("")
  if (Option.isSome(ran)) {
    yield* view.summary(ran.value.report, ran.value.state)
  } else {
    yield* view.say(
      view.row("rows", `0 sent, ${view.count(plan.items)} were done before`),
      view.row("billed minutes", "0: no endpoint was woken"),
      view.row("start anew", "npm run demo -- --fresh")
    )
  }
  yield* view.say(view.row("results", path.relative(".", folder) || "."))
})

const flags = {
  fresh: Flag.Boolean("fresh").pipe(
    Flag.withDescription("Forget what an earlier start has done"),
    Flag.withDefault(false)
  ),
  rows: Flag.Int("rows").pipe(
    Flag.withDescription("How many definitions to embed"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 117_791 }))),
    Flag.withDefault(20_000)
  ),
  out: Flag.String("out").pipe(
    Flag.withDescription("Folder of the journal and the results; default: examples/demo/.output"),
    Flag.optional
  )
}

const command = Command.make(
  "demo",
  flags,
  Effect.fnUntraced(function* ({ fresh, out, rows }) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const folder = Option.isSome(out)
      ? out.value
      : yield* path.fromFileUrl(new URL(".output", import.meta.url))
    yield* fs.makeDirectory(folder, { recursive: true })
    yield* FolderLock.hold(folder)
    const log = path.join(folder, "journal.jsonl")
    if (fresh) yield* fs.remove(log, { force: true })
    const journal = yield* Journal.makeFile(log)
    yield* Effect.provideService(demo(folder, rows), Journal.Journal, journal)
  }, Effect.scoped)
).pipe(Command.withDescription("Embeds 20,000 definitions on an endpoint that sleeps before and after"))

const platform = Layer.mergeAll(
  NodeServices.layer,
  // No span for each of 20,000 requests.
  NodeHttpClient.layerUndici.pipe(
    Layer.provideMerge(Layer.succeed(HttpClient.TracerDisabledWhen, () => true))
  )
)

// Whoever stops reading what is printed should not end the program in the middle of its release.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined)

NodeRuntime.runMain(Command.run(command, { version: "1.0.0" }).pipe(Effect.provide(platform)))
