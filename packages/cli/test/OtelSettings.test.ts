/** What the variables of OpenTelemetry come to where they cannot be used. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import * as OtelSettings from "../src/telemetry/OtelSettings.ts"

describe("OTEL_* variables", () => {
  it.effect("an address whose user is no percent-encoding is said, and does not stop the run", () =>
    Effect.gen(function* () {
      const settings = yield* OtelSettings.read("1")
      assert.strictEqual(settings?.traces?.url.href, "http://127.0.0.1:4318/v1/traces")
      assert.deepStrictEqual(settings?.traces?.headers, {})
      assert.include(
        settings?.problems.join("\n"),
        "the user of the OTLP endpoint for traces holds a % that is no percent-encoding: it is not sent"
      )
      assert.notInclude(settings?.problems.join("\n"), "secret")
    }).pipe(
      Effect.provide(
        ConfigProvider.layer(
          ConfigProvider.fromUnknown({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://me:secret%zz@127.0.0.1:4318" })
        )
      )
    )
  )
})
