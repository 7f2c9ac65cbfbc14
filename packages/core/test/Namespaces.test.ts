import { assert, describe, it } from "@effect/vitest"
import { Endpoints } from "@stint/core"
import { Effect, Stream } from "effect"
import * as Fake from "./fakeHub.ts"

const item = (name: string) => ({ name, status: { state: "paused" } })

const page = (names: ReadonlyArray<string>, nextCursor: string | null = null) =>
  Fake.json({ items: names.map(item), nextCursor, totalItems: 3 })

const whoami = Fake.json({ type: "user", name: "alice", orgs: [{ name: "acme" }, { name: "closed" }] })

const account = Fake.make(({ url }) => {
  if (url.pathname === "/api/whoami-v2") return whoami()
  if (url.pathname.endsWith("/closed")) return Fake.refusal(401)()
  return page([url.pathname.endsWith("/acme") ? "theirs" : "mine"])()
})

describe("namespaces", () => {
  it.effect("a list follows the cursor until there is none", () => {
    const fake = Fake.make(({ url }) =>
      (url.searchParams.get("cursor") === "2" ? page(["c"]) : page(["a", "b"], "2"))()
    )
    return Effect.gen(function* () {
      const all = yield* Fake.use(fake, ({ list }) =>
        Stream.runCollect(list({ search: "x", tags: ["t", "u"] }))
      )
      assert.deepStrictEqual(
        all.map(({ name, namespace }) => `${namespace}/${name}`),
        ["me/a", "me/b", "me/c"]
      )
      assert.strictEqual(fake.asked[0]?.url.search, "?search=x&tags=t%2Cu&limit=100")
    })
  })

  it.effect("pages are asked for on demand", () => {
    const fake = Fake.make(() => page(["a", "b"], "more")())
    return Effect.gen(function* () {
      yield* Fake.use(fake, ({ list }) => Stream.runCollect(Stream.take(list(), 2)))
      assert.strictEqual(fake.asked.length, 1)
    })
  })

  it.effect("cursors that go round in a ring end the list, and it can be run again", () => {
    const fake = Fake.make(({ url }) => page(["a"], url.searchParams.get("cursor") === "k1" ? "k0" : "k1")())
    return Effect.gen(function* () {
      const counts = yield* Fake.use(fake, ({ list }) => {
        const all = list()
        return Effect.all([Stream.runCount(all), Stream.runCount(all)])
      })
      assert.deepStrictEqual(counts, [3, 3])
    })
  })

  it.effect("a cursor with an empty page ends the list", () => {
    const fake = Fake.make(() => page([], "again")())
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* Fake.use(fake, ({ list }) => Stream.runCollect(list())), [])
    })
  })

  it.effect("* is the user's namespace and every organisation that lets the token in", () =>
    Effect.gen(function* () {
      const all = yield* Fake.use(account, ({ list }) => Stream.runCollect(list({ namespace: "*" })))
      assert.deepStrictEqual(
        all.map(({ name, namespace }) => `${namespace}/${name}`),
        ["alice/mine", "acme/theirs"]
      )
    })
  )

  it.effect("another namespace is one call away", () => {
    const fake = Fake.inOrder(Fake.endpoint("running"))
    return Effect.gen(function* () {
      yield* Fake.use(fake, (endpoints) => endpoints.in("acme").get("e"))
      assert.strictEqual(fake.asked[0]?.url.pathname, "/v2/endpoint/acme/e")
    })
  })

  for (const name of ["Upper", "with space", "a".repeat(33), "", "a/b", "../x"]) {
    it.effect(`the name "${name}" is refused before the call`, () => {
      const fake = Fake.inOrder(Fake.endpoint("running"))
      return Effect.gen(function* () {
        const error = yield* Effect.flip(Fake.use(fake, ({ get }) => get(name)))
        assert.include(error.message, "lowercase letters")
        assert.strictEqual(fake.asked.length, 0)
      })
    })
  }
})

describe("changes that could do harm", () => {
  it.effect("an image is not written whole over one with registry credentials", () => {
    const withCredentials = Fake.endpoint("running", {
      top: {
        model: {
          repository: "x",
          image: { custom: { url: "x", credentials: { username: "", password: null } } }
        }
      }
    })
    const fake = Fake.inOrder(withCredentials)
    return Effect.gen(function* () {
      const error = yield* Effect.flip(
        Fake.use(fake, ({ update }) => update("e", { image: { custom: { url: "y" } } }))
      )
      assert.include(error.message, "registry credentials")
      assert.deepStrictEqual(
        fake.asked.map(({ method }) => method),
        ["GET"]
      )
      // The blanks that a GET answers with are no credentials.
      const blank: object = { username: "", password: null }
      const echoed = { custom: { url: "y", credentials: { username: "u", password: "p", ...blank } } }
      yield* Effect.flip(Fake.use(fake, ({ update }) => update("e", { image: echoed })))
      assert.isFalse(fake.asked.some(({ method }) => method === "PUT"))
      yield* Fake.use(fake, ({ update }) =>
        update("e", { image: { custom: { url: "y", credentials: { username: "u", password: "p" } } } })
      )
      assert.strictEqual(fake.asked.at(-1)?.method, "PUT")
    })
  })

  it.effect("resuming what runs is success, unless that should fail", () => {
    const fake = Fake.make(({ method }) =>
      method === "POST"
        ? Fake.refusal(400, "Bad Request: Endpoint is already running")()
        : Fake.endpoint("running")()
    )
    return Effect.gen(function* () {
      assert.strictEqual((yield* Fake.use(fake, ({ resume }) => resume("e"))).state, "running")
      const error = yield* Effect.flip(Fake.use(fake, ({ resume }) => resume("e", { failIfRunning: true })))
      assert.strictEqual(error._tag, "ApiError")
    })
  })

  it.effect("the catalog is asked at its own address, and a deployment is never sent twice", () => {
    const fake = Fake.make(({ method }) =>
      method === "GET" ? Fake.json({ models: ["acme/model"] })() : Fake.refusal(503)()
    )
    const options: Partial<Endpoints.Options> = { catalogUrl: new URL("http://catalog.test/api/catalog") }
    return Effect.gen(function* () {
      const models = yield* Fake.use(fake, ({ catalog }) => catalog, options)
      assert.deepStrictEqual(models, ["acme/model"])
      assert.strictEqual(fake.asked[0]?.url.href, "http://catalog.test/api/catalog/repo-list")
      yield* Effect.flip(Fake.use(fake, ({ deploy }) => deploy("acme/model", { name: "e" }), options))
      assert.strictEqual(fake.asked.length, 2)
      assert.strictEqual(
        fake.asked[1]?.body,
        JSON.stringify({ namespace: "me", repoId: "acme/model", endpointName: "e" })
      )
    })
  })
})
