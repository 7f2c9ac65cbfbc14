/**
 * The hub itself, where the environment says that there is a network: `STINT_LIVE_HUB=1`. Only a public dataset is read, and
 * of it a few rows; nothing costs anything.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { UndiciClient } from "@stint/batch/node"
import { HubDataset } from "@stint/batch/parquet"
import { Config, Effect, Layer, Schema, Stream } from "effect"

const isLive = Effect.runSync(Config.Boolean("STINT_LIVE_HUB").pipe(Config.withDefault(false)))

// The one that the documentation of the dataset viewer shows.
const id = "hf://datasets/ibm/duorc"

const Question = Schema.Struct({ plot_id: Schema.String, question: Schema.String })

describe.skipIf(!isLive)("the hub, where STINT_LIVE_HUB is set", () => {
  it.live("tells the configs and splits of a dataset, and gives its rows", () =>
    Effect.gen(function* () {
      const whole = yield* Effect.flip(HubDataset.open(id))
      assert.strictEqual(whole.reason, "ambiguous")
      assert.include(whole.choices, `${id}/SelfRC/test`)
      const dataset = yield* HubDataset.open(`${id}/SelfRC/test`)
      assert.match(dataset.commit, /^[0-9a-f]{40}$/)
      const questions = HubDataset.source(dataset, Question)
      const rows = yield* Stream.runCollect(Stream.take(questions, 3))
      assert.strictEqual(rows.length, 3)
      const again = HubDataset.source(
        yield* HubDataset.open(`${id}@${dataset.commit}/SelfRC/test/*.parquet`),
        Question
      )
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(again, 3)), rows)
    }).pipe(Effect.provide(Layer.merge(UndiciClient.layer(), NodeServices.layer)))
  )

  it.live("has no dataset of a name that nobody took", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(HubDataset.open("hf://datasets/ibm/no-such-dataset-of-ours"))
      assert.strictEqual(error.reason, "missing")
    }).pipe(Effect.provide(UndiciClient.layer()))
  )
})
