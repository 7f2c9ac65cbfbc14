/** Whose token it is, and where it is sent. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fake from "./fakeHub.ts"

const running = Fake.endpoint("running")

describe("the namespace", () => {
  const whoami = (who: object) =>
    Fake.make(({ url }) => (url.pathname === "/api/whoami-v2" ? Response.json(who) : running()))

  const questions = (fake: ReturnType<typeof Fake.make>) =>
    fake.asked.filter(({ url }) => url.pathname === "/api/whoami-v2").length

  it.effect("is asked from the hub once, however many calls there are", () => {
    const fake = whoami({ type: "user", name: "alice" })
    return Effect.gen(function* () {
      yield* Fake.use(
        fake,
        ({ get }) =>
          Effect.all(
            Array.from({ length: 10 }, () => get("e")),
            { concurrency: 5 }
          ),
        { namespace: undefined }
      )
      assert.strictEqual(questions(fake), 1)
      assert.strictEqual(fake.asked[0]?.url.href, "https://huggingface.co/api/whoami-v2")
      assert.strictEqual(fake.asked.at(-1)?.url.pathname, "/v2/endpoint/alice/e")
    })
  })

  it.effect("is not asked when it is given", () => {
    const fake = whoami({ type: "user", name: "alice" })
    return Effect.gen(function* () {
      yield* Fake.use(fake, ({ get }) => get("e"))
      assert.strictEqual(questions(fake), 0)
    })
  })

  it.effect("an organisation's token has none", () => {
    const fake = whoami({ type: "org", name: "acme" })
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Fake.use(fake, ({ get }) => get("e"), { namespace: undefined }))
      assert.include(error.message, "set HF_ENDPOINTS_NAMESPACE")
    })
  })

  it.effect("a failed question is asked again", () => {
    const fake = Fake.make(({ url }, index) =>
      url.pathname !== "/api/whoami-v2"
        ? running()
        : index === 0
          ? Response.json({ error: "no" }, { status: 401 })
          : Response.json({ type: "user", name: "alice" })
    )
    return Fake.use(
      fake,
      Effect.fnUntraced(function* ({ get, namespace }) {
        assert.strictEqual((yield* Effect.flip(get("e")))._tag, "ApiError")
        assert.strictEqual(yield* namespace, "alice")
        assert.strictEqual(yield* namespace, "alice")
        assert.strictEqual(questions(fake), 2)
      }),
      { namespace: undefined }
    )
  })
})

describe("where the token goes", () => {
  it.effect("to the API and the hub, at the addresses given", () => {
    const fake = Fake.make(({ url }) =>
      url.pathname === "/hub/api/whoami-v2" || url.pathname === "/api/whoami-v2"
        ? Response.json({ type: "user", name: "alice" })
        : running()
    )
    return Effect.gen(function* () {
      yield* Fake.use(fake, ({ get }) => get("e"), {
        namespace: undefined,
        apiUrl: new URL("http://127.0.0.1:8377/v2/"),
        hubUrl: new URL("http://127.0.0.1:8378")
      })
      assert.deepStrictEqual(
        fake.asked.map(({ authorization, url }) => [url.href, authorization]),
        [
          ["http://127.0.0.1:8378/api/whoami-v2", "Bearer hf_secret"],
          ["http://127.0.0.1:8377/v2/endpoint/alice/e", "Bearer hf_secret"]
        ]
      )
    })
  })

  const sentTo = (target: string, top: object = {}) => {
    const fake = Fake.inOrder(Fake.endpoint("running", { top }), Fake.text("ok", 200))
    return Fake.use(fake, ({ clientFor, get }) =>
      Effect.flatMap(get("e"), (endpoint) => Effect.exit(clientFor(endpoint).get(target)))
    ).pipe(Effect.map(() => [fake.asked[1]?.url.href, fake.asked[1]?.authorization] as const))
  }

  it.effect("to the endpoint's own origin, relative or absolute", () =>
    Effect.gen(function* () {
      const own = "Bearer hf_secret"
      assert.deepStrictEqual(yield* sentTo("/embed?a=1"), [`${Fake.url}/embed?a=1`, own])
      assert.deepStrictEqual(yield* sentTo("/"), [`${Fake.url}/`, own])
      assert.deepStrictEqual(yield* sentTo(`${Fake.url}/embed`), [`${Fake.url}/embed`, own])
      assert.strictEqual((yield* sentTo(`${Fake.url.replace("abc", "ABC")}/`))[1], own)
    })
  )

  for (const target of [
    "http://evil.test/",
    "//evil.test/",
    "https://abc.us-east-1.aws.endpoints.test/",
    "http://abc.us-east-1.aws.endpoints.test:8080/",
    "http://abc.us-east-1.aws.endpoints.test.evil.test/",
    "http://abc.us-east-1.aws.endpoints.test@evil.test/",
    "http://evil.test/http://abc.us-east-1.aws.endpoints.test/",
    "/\\evil.test/",
    "\\\\evil.test/"
  ]) {
    it.effect(`not to ${target}`, () =>
      Effect.gen(function* () {
        const [url, authorization] = yield* sentTo(target)
        const origin = url === undefined ? undefined : new URL(url).origin
        assert.isTrue(authorization === undefined || origin === Fake.url, `${url} got ${authorization}`)
      })
    )
  }

  it.effect("not to a public endpoint", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* sentTo("/x", { type: "public" }), [`${Fake.url}/x`, undefined])
      assert.deepStrictEqual(yield* sentTo(`${Fake.url}/x`, { type: "public" }), [`${Fake.url}/x`, undefined])
    })
  )
})
