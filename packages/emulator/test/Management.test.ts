import { assert, describe, it } from "@effect/vitest"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect, type Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { at, call, createBody, manage, memory, type Services } from "./harness.ts"

const test = (name: string, body: Effect.Effect<unknown, unknown, Services>, options?: Emulator.Options) =>
  it.effect(name, () => body.pipe(Effect.provide(memory(options))))

const create = (name: string, change?: Parameters<typeof createBody>[1]) =>
  manage("POST", "emulator", { body: createBody(name, change) })

const unauthorized = { status: 401, body: { error: "401 Unauthorized", code: "UNAUTHORIZED" } }

describe("management API", () => {
  test(
    "answers a create with every key that huggingface_hub reads",
    Effect.gen(function* () {
      const { body, status } = yield* create("e", { model: { task: "feature-extraction" } })
      assert.strictEqual(status, 200)
      assert.deepInclude(body, { name: "e", type: "authenticated", healthRoute: "/health", accountId: null })
      assert.deepInclude(at(body, "model"), {
        repository: "intfloat/e5-small",
        framework: "pytorch",
        task: "feature-extraction"
      })
      assert.match(String(at(body, "model", "revision")), /^[0-9a-f]{40}$/)
      assert.deepInclude(at(body, "status"), {
        state: "pending",
        message: "Endpoint waiting to be scheduled",
        readyReplica: 0,
        targetReplica: 1,
        createdAt: "1970-01-01T00:00:00Z",
        updatedAt: "1970-01-01T00:00:00Z"
      })
      assert.strictEqual(at(body, "compute", "id"), "aws-us-east-1-nvidia-l4-x1")
      assert.isUndefined(at(body, "status", "url"))
    })
  )

  test(
    "fills in the task from the repository's name or the image",
    Effect.gen(function* () {
      const tei = { tei: { url: "x" } }
      const guesses = [
        ["sentence-transformers/all-MiniLM-L6-v2", {}, "sentence-embeddings"],
        ["acme/secret", { image: tei }, "sentence-embeddings"],
        ["gpt2", {}, "text-generation"],
        ["acme/secret", {}, "feature-extraction"],
        ["distilbert-base-uncased-finetuned-sst-2-english", {}, "text-classification"]
      ] as const
      for (const [index, [repository, model, task]] of guesses.entries()) {
        const { body } = yield* create(`e${index}`, { model: { repository, ...model } })
        assert.strictEqual(at(body, "model", "task"), task)
      }
    })
  )

  test(
    "fills in the idle timeout only where it can fall idle",
    Effect.gen(function* () {
      const timeout = (body: Schema.Json) => at(body, "compute", "scaling", "scaleToZeroTimeout")
      assert.strictEqual(timeout((yield* create("a", { scaling: { minReplica: 0 } })).body), 15)
      assert.isNull(timeout((yield* create("b")).body))
    })
  )

  test(
    "refuses a name that is taken, also while its first owner sleeps",
    Effect.gen(function* () {
      const endpoints = yield* Endpoints.Endpoints
      yield* create("e")
      yield* endpoints.pause("e")
      assert.deepStrictEqual(yield* create("e"), {
        status: 409,
        body: { error: "Conflict: Endpoint with name `e` already exists", code: "CONFLICT" }
      })
      const error = yield* Effect.flip(
        endpoints.create(
          "e",
          EndpointSpec.make({
            repository: "gpt2",
            accelerator: "gpu",
            vendor: "aws",
            region: "us-east-1",
            instanceType: "nvidia-l4",
            instanceSize: "x1"
          })
        )
      )
      assert.strictEqual(error._tag, "Conflict")
    })
  )

  test(
    "of two creates at once, one wins",
    Effect.gen(function* () {
      const both = yield* Effect.all([create("e"), create("e")], { concurrency: 2 })
      assert.deepStrictEqual(both.map(({ status }) => status).toSorted(), [200, 409])
    })
  )

  test(
    "asks every route for a token of the right kind and an own namespace",
    Effect.gen(function* () {
      yield* create("e")
      const routes = [
        ["GET", "emulator"],
        ["POST", "emulator"],
        ["GET", "emulator/e"],
        ["PUT", "emulator/e"],
        ["DELETE", "emulator/e"],
        ["POST", "emulator/e/pause"],
        ["POST", "emulator/e/resume"],
        ["POST", "emulator/e/scale-to-zero"]
      ] as const
      for (const [method, path] of routes) {
        for (const token of [null, "", "hf_other"])
          assert.deepStrictEqual(yield* manage(method, path, { token }), unauthorized)
        assert.deepStrictEqual(yield* manage(method, path, { token: "hf_call" }), {
          status: 403,
          body: { error: "missing permissions: inference.endpoints.write", code: "FORBIDDEN" }
        })
        assert.deepStrictEqual(yield* manage(method, path.replace("emulator", "stranger")), unauthorized)
      }
      assert.strictEqual((yield* manage("GET", "emulator/e")).status, 200)
    }),
    { tokens: [{ token: "hf_call", permissions: ["inference.endpoints.infer.write"] }] }
  )

  test(
    "an organisation is a namespace of its own",
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      yield* create("e")
      assert.strictEqual((yield* manage("POST", "acme", { body: createBody("e") })).status, 200)
      assert.strictEqual((yield* emulator.endpoints).length, 2)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* emulator.bill("e", "acme")).billedMinutes, 1)
      const { body } = yield* manage("GET", "acme")
      assert.strictEqual(at(body, "totalItems"), 1)
    }),
    { organizations: ["acme"] }
  )

  test(
    "404 for what is not there, on every route, and for paths that mean nothing",
    Effect.gen(function* () {
      const body = { error: "404 Not Found", code: "NOT_FOUND" }
      for (const [method, path] of [
        ["GET", "emulator/e"],
        ["PUT", "emulator/e"],
        ["DELETE", "emulator/e"],
        ["POST", "emulator/e/pause"],
        ["POST", "emulator/e/resume"],
        ["POST", "emulator/e/scale-to-zero"],
        ["GET", "emulator/e/nonsense"]
      ] as const)
        assert.deepStrictEqual(yield* manage(method, path), { status: 404, body })
    })
  )

  describe("list", () => {
    const many = (count: number) =>
      Effect.forEach(
        Array.from({ length: count }, (_, index) => `e-${String(index).padStart(2, "0")}`),
        (name) => create(name, { top: { tags: name.endsWith("0") ? ["round", "x"] : ["x"] } }),
        { discard: true }
      )
    const names = (body: Schema.Json) => {
      const items = at(body, "items")
      return Array.isArray(items) ? items.map((item) => at(item, "name")) : []
    }

    test(
      "holds 20 a page, oldest first, and a cursor until the end",
      Effect.gen(function* () {
        yield* many(45)
        const seen: Array<unknown> = []
        const sizes: Array<number> = []
        let cursor: unknown = ""
        while (cursor !== null) {
          const { body } = yield* manage("GET", `emulator?${cursor === "" ? "" : `cursor=${cursor}`}`)
          seen.push(...names(body))
          sizes.push(names(body).length)
          assert.strictEqual(at(body, "totalItems"), 45)
          cursor = at(body, "nextCursor")
        }
        assert.deepStrictEqual(sizes, [20, 20, 5])
        assert.deepStrictEqual(seen, [...new Set(seen)].toSorted())
      })
    )

    test(
      "a full last page has no cursor",
      Effect.gen(function* () {
        yield* many(20)
        assert.isNull(at((yield* manage("GET", "emulator")).body, "nextCursor"))
      })
    )

    test(
      "loses nothing when endpoints go while it is read",
      Effect.gen(function* () {
        const endpoints = yield* Endpoints.Endpoints
        yield* many(25)
        const first = yield* manage("GET", "emulator")
        yield* endpoints.delete("e-03")
        yield* endpoints.delete("e-19")
        const rest = yield* manage("GET", `emulator?cursor=${at(first.body, "nextCursor")}`)
        assert.deepStrictEqual(names(rest.body), ["e-20", "e-21", "e-22", "e-23", "e-24"])
      })
    )

    test(
      "searches names, filters by tags and takes a limit",
      Effect.gen(function* () {
        yield* many(31)
        assert.deepStrictEqual(names((yield* manage("GET", "emulator?search=-2")).body).length, 10)
        const tagged = yield* manage("GET", "emulator?tags=round,x")
        assert.deepStrictEqual(names(tagged.body), ["e-00", "e-10", "e-20", "e-30"])
        assert.strictEqual(names((yield* manage("GET", "emulator?limit=100")).body).length, 31)
        assert.strictEqual((yield* manage("GET", "emulator?limit=many")).status, 400)
        const { list } = yield* Endpoints.Endpoints
        const all = yield* Stream.runCollect(list({ pageSize: 7 }))
        assert.strictEqual(all.length, 31)
      })
    )
  })

  describe("update", () => {
    test(
      "keeps what an older client sends as null because it leaves it alone",
      Effect.gen(function* () {
        yield* create("e", {})
        const { body, status } = yield* manage("PUT", "emulator/e", {
          body: {
            compute: {
              accelerator: null,
              instanceSize: "x4",
              instanceType: null,
              scaling: { minReplica: null, maxReplica: null }
            },
            model: { repository: null, framework: null, revision: null }
          }
        })
        assert.strictEqual(status, 200)
        assert.deepInclude(at(body, "compute"), { instanceType: "nvidia-l4", instanceSize: "x4" })
        assert.deepInclude(at(body, "model"), { repository: "intfloat/e5-small" })
      })
    )

    test(
      "merges by field, and replaces image, env, args and measure whole",
      Effect.gen(function* () {
        yield* create("e", {
          scaling: { minReplica: 0, maxReplica: 2, measure: { pendingRequests: 2 } },
          model: { env: { A: "1", B: "2" }, args: ["--x", "1"], image: { tei: { url: "x", port: 80 } } },
          top: { tags: ["a"] }
        })
        const { body, status } = yield* manage("PUT", "emulator/e", {
          body: {
            compute: { scaling: { maxReplica: 3, measure: { hardwareUsage: 80 } } },
            model: { env: { C: "3" }, args: ["--y"], image: { tei: { url: "z" } } }
          }
        })
        assert.strictEqual(status, 200)
        assert.deepInclude(at(body, "compute"), { instanceType: "nvidia-l4", instanceSize: "x1" })
        assert.deepInclude(at(body, "compute", "scaling"), {
          minReplica: 0,
          maxReplica: 3,
          measure: { hardwareUsage: 80 },
          metric: "hardwareUsage"
        })
        assert.deepInclude(at(body, "model"), {
          repository: "intfloat/e5-small",
          env: { C: "3" },
          args: ["--y"],
          image: { tei: { url: "z" } }
        })
        assert.deepInclude(body, { tags: ["a"], name: "e" })
      })
    )

    test(
      "what is refused changes nothing, and the endpoint goes on running",
      Effect.gen(function* () {
        yield* create("e")
        yield* TestClock.adjust("1 minute")
        const before = yield* manage("GET", "emulator/e")
        for (const body of [{ model: { task: null } }, { compute: { scaling: { scaleToZeroTimeout: 5 } } }])
          assert.strictEqual((yield* manage("PUT", "emulator/e", { body })).status, 400)
        assert.strictEqual((yield* manage("PUT", "emulator/e", { text: "{" })).status, 400)
        assert.deepStrictEqual(yield* manage("GET", "emulator/e"), before)
      })
    )

    test(
      "name and place cannot be changed; a minimum may be raised when no timeout was asked for",
      Effect.gen(function* () {
        yield* create("e", { scaling: { minReplica: 0 } })
        const { body } = yield* manage("PUT", "emulator/e", {
          body: {
            name: "f",
            provider: { region: "eu-west-1" },
            compute: { scaling: { minReplica: 1 } }
          }
        })
        assert.strictEqual(at(body, "name"), "e")
        assert.strictEqual(at(body, "provider", "region"), "us-east-1")
        assert.strictEqual(at(body, "compute", "scaling", "minReplica"), 1)
        assert.isNull(at(body, "compute", "scaling", "scaleToZeroTimeout"))
      })
    )
  })

  test(
    "never gives a registry's credentials back",
    Effect.gen(function* () {
      const custom = { url: "x", credentials: { username: "me", password: "secret" } }
      const { body } = yield* create("e", { model: { image: { custom } } })
      assert.deepStrictEqual(at(body, "model", "image", "custom"), {
        url: "x",
        credentials: { username: "", password: null }
      })
    })
  )

  test(
    "whoami names the user and its organisations",
    Effect.gen(function* () {
      const { urls } = yield* Emulator.Emulator
      const whoami = new URL("/api/whoami-v2", urls.hub)
      const { body, status } = yield* call("GET", whoami)
      assert.strictEqual(status, 200)
      assert.deepInclude(body, { type: "user", name: "alice", canPay: true })
      const orgs = at(body, "orgs")
      assert.deepStrictEqual(Array.isArray(orgs) && orgs.map((org) => [at(org, "type"), at(org, "name")]), [
        ["org", "acme"]
      ])
      for (const token of [null, "hf_other"])
        assert.strictEqual((yield* call("GET", whoami, { token })).status, 401)
    }),
    { namespace: "alice", organizations: ["acme"] }
  )

  it.effect("the client finds its own namespace", () =>
    Effect.gen(function* () {
      const { token, urls } = yield* Emulator.Emulator
      const { namespace } = yield* Endpoints.make({ token, apiUrl: urls.management, hubUrl: urls.hub })
      assert.strictEqual(yield* namespace, "alice")
    }).pipe(Effect.provide(Emulator.layerMemory({ namespace: "alice" })))
  )
})
