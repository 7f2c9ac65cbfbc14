/** Which runs are traced. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Option, Result, Schema, Tracer } from "effect"
import * as Sampler from "../src/telemetry/Sampler.ts"

const Hex = Schema.String.check(Schema.isPattern(/^[1-9a-f][0-9a-f]{31}$/))

/** A tracer whose traces have that id. */
const tracerOf = (traceId: string) =>
  Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const value = Option.isSome(options.parent) ? options.parent.value.traceId : traceId
      return Object.defineProperty(span, "traceId", { value })
    }
  })

const begun = (tracer: Tracer.Tracer, parent: Option.Option<Tracer.AnySpan>, sampled = true) =>
  tracer.span({
    name: "a",
    parent,
    annotations: Context.empty(),
    links: [],
    startTime: 0n,
    kind: "internal",
    root: false,
    sampled
  })

const samplerOf = (name: string, argument?: string) => Result.getOrThrow(Sampler.parse(name, argument))

describe("a sampler", () => {
  it.prop(
    "decides alike about a trace wherever it is asked, keeps more of them the greater its share, and its spans follow",
    [Hex, Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))],
    ([id, ratio]) => {
      const decided = (share: number) =>
        begun(Sampler.sampled(tracerOf(id), samplerOf("traceidratio", String(share))), Option.none()).sampled
      assert.strictEqual(decided(ratio), decided(ratio))
      assert.isFalse(decided(0))
      assert.isTrue(decided(1))
      if (decided(ratio)) assert.isTrue(decided(Math.min(1, ratio + 0.1)))
      const tracer = Sampler.sampled(tracerOf(id), samplerOf("traceidratio", String(ratio)))
      const root = begun(tracer, Option.none())
      // A child is asked for as sampled as its parent is.
      assert.strictEqual(begun(tracer, Option.some(root), root.sampled).sampled, root.sampled)
    }
  )

  it("follows a parent from outside where its name says so, and decides itself where not", () => {
    const id = "f".repeat(32)
    const parent = Option.some(Tracer.externalSpan({ traceId: id, spanId: "1".repeat(16), sampled: true }))
    const of = (name: string) => begun(Sampler.sampled(tracerOf(id), samplerOf(name, "0")), parent).sampled
    assert.isTrue(of("parentbased_traceidratio"))
    assert.isTrue(of("parentbased_always_off"))
    assert.isFalse(of("traceidratio"))
    assert.isFalse(of("always_off"))
    assert.isTrue(of("always_on"))
  })

  it("is refused where its name or its share is none", () => {
    for (const [name, argument] of [
      ["jaeger_remote", undefined],
      ["traceidratio", "2"],
      ["traceidratio", "a half"]
    ] as const) {
      assert.isTrue(Result.isFailure(Sampler.parse(name, argument)), `${name} ${argument}`)
    }
    assert.deepStrictEqual(Sampler.parse(undefined, "0.5"), Result.succeed(Sampler.standard))
  })
})
