/**
 * What Inference Endpoints do, as tests: the same ones for the emulator, whatever its transport, and for Hugging Face.
 */
import { assert, describe } from "@effect/vitest"
import { EndpointSpec, PriceList } from "@stint/core"
import { Duration, Effect, Stream } from "effect"
import { flows } from "./flows.ts"
import {
  type Stage,
  type Subject,
  afford,
  freshName,
  impossible,
  namesIn,
  post,
  scenarios
} from "./Subject.ts"

/** The cheapest there is, asleep after 15 minutes if all else fails. */
export const cpu = EndpointSpec.make({
  repository: "sentence-transformers/all-MiniLM-L6-v2",
  task: "feature-extraction",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

/** The cheapest graphics card. */
export const gpu = EndpointSpec.make({
  ...cpu,
  accelerator: "gpu",
  instanceType: "nvidia-t4",
  instanceSize: "x1"
})

/** US dollars an hour with all replicas up, by the published list. */
const listed = (spec: EndpointSpec.EndpointSpec) => {
  const found = PriceList.instances.find(
    (instance) =>
      instance.vendor === spec.vendor &&
      instance.instanceType === spec.instanceType &&
      instance.instanceSize === spec.instanceSize
  )
  return (found?.pricePerHour ?? Number.POSITIVE_INFINITY) * Math.max(1, spec.maxReplica)
}

const starting = ["pending", "initializing", "running"]

const isNot = (error: { readonly _tag: string; readonly message: string }) =>
  `${error._tag}: ${error.message}`

const found = Effect.fnUntraced(function* ({ endpoints }: Stage, name: string) {
  return yield* endpoints.get(name).pipe(
    Effect.as(true),
    Effect.catchTag("NotFound", () => Effect.succeed(false))
  )
})

/** The tests of everything that can be managed. */
export const suite = (name: string, subject: Subject): void => {
  const scenario = scenarios(subject)
  const onlyIfAffordable = (spec: EndpointSpec.EndpointSpec): typeof scenario => {
    const { spendingCap: cap } = subject
    return cap === undefined || listed(spec) <= cap
      ? scenario
      : (title) =>
          impossible(
            title,
            `${spec.maxReplica} ${spec.instanceType} ${spec.instanceSize} cost $${listed(spec)} an hour`
          )
  }

  describe(name, () => {
    scenario("list", ({ create, endpoints }) =>
      Effect.gen(function* () {
        const first = yield* create(cpu)
        const second = yield* create({ ...cpu, tags: [first.name] })
        const all = yield* namesIn(endpoints.list())
        assert.includeMembers(all, [first.name, second.name])
        assert.strictEqual(new Set(all).size, all.length)
        assert.deepStrictEqual(yield* namesIn(endpoints.list({ pageSize: 1, search: second.name })), [
          second.name
        ])
        assert.deepStrictEqual(yield* namesIn(endpoints.list({ tags: [first.name] })), [second.name])
        const own = yield* endpoints.namespace
        const [listed] = yield* Stream.runCollect(endpoints.list({ search: first.name }))
        assert.strictEqual(listed?.namespace, own)
      })
    )

    if (subject.organization === undefined) {
      impossible("list for an organisation", "set STINT_LIVE_ORGANIZATION")
    } else {
      const organization = subject.organization
      scenario("list for an organisation", ({ create, endpoints }) =>
        Effect.gen(function* () {
          const mine = yield* create(cpu)
          const theirs = yield* create(cpu, { in: endpoints.in(organization) })
          const names = yield* namesIn(endpoints.list({ namespace: organization }))
          assert.include(names, theirs.name)
          assert.notInclude(names, mine.name)
          const everywhere = yield* Stream.runCollect(endpoints.list({ namespace: "*" }))
          const homes = new Map(everywhere.map((endpoint) => [endpoint.name, endpoint.namespace]))
          assert.strictEqual(homes.get(theirs.name), organization)
          assert.strictEqual(homes.get(mine.name), yield* endpoints.namespace)
        })
      )
    }

    scenario("get", (stage) =>
      Effect.gen(function* () {
        const created = yield* stage.create(cpu)
        const endpoint = yield* stage.endpoints.get(created.name)
        assert.strictEqual(endpoint.name, created.name)
        assert.strictEqual(endpoint.model?.repository, cpu.repository)
        assert.strictEqual(endpoint.hardware, "aws us-east-1 intel-spr x1")
        assert.include(starting, endpoint.state)
        assert.isNotEmpty(endpoint.status.createdAt)
        assert.isFalse(yield* found(stage, yield* freshName))
      })
    )

    scenario("create CPU", ({ create }) =>
      Effect.gen(function* () {
        const endpoint = yield* create(cpu)
        assert.include(starting, endpoint.state)
        assert.deepStrictEqual(EndpointSpec.drift(cpu, endpoint), [])
        assert.strictEqual(endpoint.compute?.accelerator, "cpu")
        assert.strictEqual(endpoint.compute?.scaling?.minReplica, 0)
        assert.strictEqual(endpoint.compute?.scaling?.scaleToZeroTimeout, 15)
      })
    )

    onlyIfAffordable(gpu)("create GPU", ({ create }) =>
      Effect.gen(function* () {
        const endpoint = yield* create(gpu)
        assert.deepStrictEqual(EndpointSpec.drift(gpu, endpoint), [])
        assert.strictEqual(endpoint.compute?.accelerator, "gpu")
        assert.strictEqual(endpoint.hardware, "aws us-east-1 nvidia-t4 x1")
      })
    )

    const pair = EndpointSpec.make({ ...cpu, maxReplica: 2 })
    onlyIfAffordable(pair)("create with scaling", ({ create }) =>
      Effect.gen(function* () {
        const scaleToZeroTimeout = Duration.minutes(30)
        const spec = EndpointSpec.make({ ...pair, scaleToZeroTimeout, measure: { pendingRequests: 2 } })
        const endpoint = yield* create(spec)
        assert.deepStrictEqual(EndpointSpec.drift(spec, endpoint), [])
        assert.deepInclude(endpoint.compute?.scaling, {
          minReplica: 0,
          maxReplica: 2,
          scaleToZeroTimeout: 30
        })
      })
    )

    scenario("create with custom image", ({ create }) =>
      Effect.gen(function* () {
        const url = "ghcr.io/huggingface/text-generation-inference:3.3.6"
        const spec = EndpointSpec.make({
          ...cpu,
          repository: "openai-community/gpt2",
          task: "text-generation",
          image: { custom: { url, port: 80, healthRoute: "/health" } },
          env: { MAX_INPUT_LENGTH: "1024" }
        })
        const endpoint = yield* create(spec)
        assert.deepStrictEqual(EndpointSpec.drift(spec, endpoint), [])
        assert.deepInclude(endpoint.model?.image?.["custom"], { url })
        assert.deepStrictEqual(endpoint.model?.env, { MAX_INPUT_LENGTH: "1024" })
      })
    )

    const larger = { ...cpu, instanceSize: "x2" }
    onlyIfAffordable(larger)("update size", ({ create, endpoints }) =>
      Effect.gen(function* () {
        const { name } = yield* create(cpu)
        yield* afford(larger, subject.spendingCap)
        yield* endpoints.update(name, { instanceSize: "x2" })
        const endpoint = yield* endpoints.get(name)
        assert.strictEqual(endpoint.hardware, "aws us-east-1 intel-spr x2")
        assert.strictEqual(endpoint.model?.repository, cpu.repository)
      })
    )

    onlyIfAffordable(pair)("update scaling limits", ({ create, endpoints }) =>
      Effect.gen(function* () {
        const { name } = yield* create(cpu)
        yield* afford(pair, subject.spendingCap)
        yield* endpoints.update(name, { maxReplica: 2, scaleToZeroTimeout: Duration.minutes(60) })
        const { compute } = yield* endpoints.get(name)
        assert.deepInclude(compute?.scaling, { minReplica: 0, maxReplica: 2, scaleToZeroTimeout: 60 })
        assert.strictEqual(compute?.instanceSize, "x1")
      })
    )

    scenario("update model", ({ create, endpoints }) =>
      Effect.gen(function* () {
        const { model, name } = yield* create(cpu)
        yield* endpoints.update(name, { repository: "intfloat/e5-small-v2" })
        const updated = yield* endpoints.get(name)
        assert.strictEqual(updated.model?.repository, "intfloat/e5-small-v2")
        assert.strictEqual(updated.model?.task, "feature-extraction")
        assert.notStrictEqual(updated.model?.revision, model?.revision)
      })
    )

    scenario("delete", (stage) =>
      Effect.gen(function* () {
        const { name } = yield* stage.create(cpu)
        assert.isTrue(yield* found(stage, name))
        yield* stage.endpoints.delete(name)
        assert.isFalse(yield* found(stage, name))
        assert.strictEqual((yield* Effect.flip(stage.endpoints.delete(name)))._tag, "NotFound")
      })
    )

    scenario("pause running", (stage) =>
      Effect.gen(function* () {
        const { name } = yield* stage.create(cpu)
        const running = yield* stage.ready(name)
        const paused = yield* stage.endpoints.pause(name)
        assert.strictEqual(paused.state, "paused")
        assert.strictEqual(paused.status.targetReplica, 0)
        assert.strictEqual(paused.url?.href, running.url?.href)
        const { status } = yield* post(stage, running, "/", { inputs: "a dog" })
        assert.strictEqual(status, 400)
        assert.strictEqual((yield* stage.endpoints.get(name)).state, "paused")
      })
    )

    scenario("resume paused", ({ create, endpoints, ready }) =>
      Effect.gen(function* () {
        const { name } = yield* create(cpu)
        yield* endpoints.pause(name)
        assert.include(starting, (yield* endpoints.resume(name)).state)
        yield* ready(name)
        assert.strictEqual((yield* endpoints.resume(name)).state, "running")
        const error = yield* Effect.flip(endpoints.resume(name, { failIfRunning: true }))
        assert.isTrue(error._tag === "ApiError" && error.reason.status === 400, isNot(error))
      })
    )

    scenario("scale to zero", (stage) =>
      Effect.gen(function* () {
        const { name } = yield* stage.create(cpu)
        const running = yield* stage.ready(name)
        const asleep = yield* stage.endpoints.scaleToZero(name)
        assert.strictEqual(asleep.state, "scaledToZero")
        assert.strictEqual(asleep.url?.href, running.url?.href)
        // The wait asks for its health, and that wakes it.
        assert.strictEqual((yield* stage.ready(name)).state, "running")
      })
    )

    const refused = (title: string, change: Partial<EndpointSpec.EndpointSpec>) =>
      scenario(title, (stage) =>
        Effect.gen(function* () {
          const name = yield* freshName
          const error = yield* Effect.flip(stage.create({ ...cpu, ...change }, { name, unasked: true }))
          assert.isTrue(error._tag === "ApiError" && error.reason._tag === "InvalidRequest", isNot(error))
          assert.isFalse(yield* found(stage, name))
        })
      )
    refused("invalid region", { region: "mars-north-1" })
    refused("invalid instance type", { instanceType: "g5.xlarge" })

    scenario("duplicate name", ({ create }) =>
      Effect.gen(function* () {
        const { name } = yield* create(cpu)
        const error = yield* Effect.flip(create({ ...cpu, repository: "intfloat/e5-small-v2" }, { name }))
        assert.strictEqual(error._tag, "Conflict", isNot(error))
      })
    )

    flows(scenario, onlyIfAffordable)
  })
}
