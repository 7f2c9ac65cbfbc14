/**
 * Hugging Face on this machine: `stint emulate` in a process of its own, for as long as the layer is in use.
 */
import { Effect, Layer, Option, Path, Schema, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { Endpoints } from "@stint/core"
import NodeProcess from "node:process"

/** The one line that the emulator prints once it listens. */
const Ready = Schema.fromJsonString(
  Schema.Struct({
    management: Schema.URLFromString,
    hub: Schema.URLFromString,
    token: Schema.RedactedFromValue(Schema.String),
    namespace: Schema.String
  })
)

/** The emulator ended, or said something else, before it was ready. */
export class EmulatorBroken extends Schema.TaggedError<EmulatorBroken>()("EmulatorBroken", {
  detail: Schema.String
}) {
  override get message() {
    return `The emulator did not start: ${this.detail}`
  }
}

const start = Effect.gen(function* () {
  const path = yield* Path.Path
  const file = (relative: string) => path.fromFileUrl(new URL(relative, import.meta.url))
  const args = [
    "--import",
    new URL("endWithParent.ts", import.meta.url).href,
    yield* file("../../packages/cli/src/bin.ts"),
    "emulate",
    "--boot",
    "2s",
    "--namespace",
    "demo"
  ]
  // In a process group of its own: Ctrl-C must not end it before the endpoint is paused. When the scope closes it is
  // told to end, and made to if it does not.
  const child = yield* ChildProcess.make(NodeProcess.execPath, args, {
    stderr: "inherit",
    forceKillAfter: "5 seconds"
  })
  const line = yield* child.stdout.pipe(Stream.decodeText, Stream.splitLines, Stream.runHead)
  return yield* Schema.decodeEffect(Ready)(Option.getOrElse(line, () => ""))
}).pipe(
  Effect.timeout("20 seconds"),
  Effect.mapError((error) => new EmulatorBroken({ detail: error.message }))
)

/** The management API of an emulator that is started with the layer and ended with it. */
export const layer = Layer.unwrap(
  Effect.map(start, ({ management, hub, token, namespace }) =>
    Endpoints.layer({ token, namespace, apiUrl: management, hubUrl: hub })
  )
)
