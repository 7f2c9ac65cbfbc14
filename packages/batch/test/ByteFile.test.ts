/** Bytes that are read by range, of a file and of a URL. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ByteFile } from "@stint/batch"
import { Effect, FileSystem, Layer } from "effect"
import { HttpClient, type HttpClientRequest, HttpClientResponse } from "effect/http"

const content = Uint8Array.from({ length: 300 }, (_, at) => at % 251)

const withFile = <A, E>(use: (at: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const at = `${yield* fs.makeTempDirectoryScoped()}/bytes`
    yield* fs.writeFile(at, content)
    return yield* use(at, fs)
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

describe("a file of this machine", () => {
  it.effect("gives just the bytes that are asked for, and says how many there are", () =>
    withFile((at) =>
      Effect.gen(function* () {
        const file = yield* ByteFile.openPath(at)
        assert.strictEqual(file.stamp.size, 300)
        assert.deepStrictEqual(yield* file.slice(17, 290), content.slice(17, 290))
        assert.deepStrictEqual(yield* file.slice(5, 5), new Uint8Array(0))
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
    )
  )

  it.effect("that was cut, and a folder, are refused by their names", () =>
    withFile((at, fs) =>
      Effect.gen(function* () {
        const file = yield* ByteFile.openPath(at)
        yield* fs.truncate(at, 100)
        const cut = yield* Effect.flip(file.slice(50, 200))
        assert.match(cut.message, /^The input .*bytes cannot be read: ends before it should/)
        const folder = yield* Effect.flip(ByteFile.openPath(at.replace(/\/bytes$/, "")))
        assert.include(folder.message, "it is a folder")
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
    )
  )

  it.effect("that is written to has another stamp when it is opened again", () =>
    withFile((at, fs) =>
      Effect.gen(function* () {
        const { stamp } = yield* ByteFile.openPath(at)
        yield* fs.utimes(at, 1000, 1000)
        const again = yield* ByteFile.openPath(at)
        assert.strictEqual(again.stamp.size, stamp.size)
        assert.notStrictEqual(again.stamp.version, stamp.version)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
    )
  )
})

type Answer = (request: HttpClientRequest.HttpClientRequest) => Response | undefined

/** A server of the bytes; `answer` may say something else than the range. */
const server = (answer: Answer = () => undefined) => {
  const seen: Array<HttpClientRequest.HttpClientRequest> = []
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      seen.push(request)
      const [, from = "", to = ""] = /^bytes=(\d+)-(\d+)$/.exec(request.headers["range"] ?? "") ?? []
      const headers = { "content-range": `bytes ${from}-${to}/${content.length}` }
      const part = content.slice(Number(from), Number(to) + 1)
      return HttpClientResponse.fromWeb(
        request,
        answer(request) ?? new Response(part, { status: 206, headers })
      )
    })
  )
  return { seen, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

const url = new URL("https://data.example/bytes?signature=secret")
const instead = "put it where all can read it"

const refusal = (answer: Answer, from = url) =>
  Effect.flip(ByteFile.openUrl(from, { instead })).pipe(
    Effect.provide(server(answer).layer),
    Effect.map(({ message }) => message)
  )

describe("a file at a URL", () => {
  it.effect("gives just the bytes that are asked for, and is sent the range alone", () => {
    const { layer, seen } = server()
    return Effect.gen(function* () {
      const file = yield* ByteFile.openUrl(url)
      assert.deepStrictEqual(file.stamp, { size: 300, version: "" })
      assert.deepStrictEqual(yield* file.slice(17, 290), content.slice(17, 290))
      // Nothing stands for a version that is not told, and nothing is asked for where no bytes are.
      yield* file.slice(5, 5)
      assert.strictEqual(seen.length, 2)
      for (const { headers } of seen) {
        assert.deepStrictEqual(Object.keys(headers).toSorted(), ["accept-encoding", "range"])
      }
    }).pipe(Effect.provide(layer))
  })

  const refusals: ReadonlyArray<readonly [string, Answer, RegExp]> = [
    [
      "whose server has no ranges",
      () => new Response("x"),
      /ignores byte ranges\. Put it where all can read it/
    ],
    [
      "whose server does not say how much there is",
      () => new Response("x", { status: 206 }),
      /ignores byte ranges\. Put it where/
    ],
    [
      "that is not public",
      () => new Response("", { status: 403 }),
      /not public \(HTTP 403\).*signed, or put it where/
    ],
    ["that is not there", () => new Response("", { status: 404 }), /is not there \(HTTP 404\)/],
    ["that is empty", () => new Response("", { status: 416 }), /is empty, or its server/]
  ]
  for (const [what, answer, message] of refusals) {
    it.effect(`${what} is refused, and what to do instead is said`, () =>
      Effect.gen(function* () {
        const said = yield* refusal(answer)
        assert.match(said, message)
        assert.include(said, "https://data.example/bytes")
        assert.notInclude(said, "secret")
      })
    )
  }

  it.effect("with a password in it, or of another scheme, is refused without a request", () =>
    Effect.gen(function* () {
      const asked: Answer = () => assert.fail("was asked for")
      const name = yield* refusal(asked, new URL("https://user@data.example/bytes"))
      assert.include(name, "has a name or a password in it")
      const password = yield* refusal(asked, new URL("https://user:secret@data.example/bytes"))
      assert.include(password, `has a name or a password in it: ${instead}`)
      assert.notInclude(password, "secret")
      assert.include(yield* refusal(asked, new URL("ftp://data.example/bytes")), "no http or https URL")
    })
  )

  it.effect("that is replaced, or sent in part, is given up", () => {
    let version = "one"
    let kept = Infinity
    const { layer } = server((request) => {
      const [, from = "", to = ""] = /^bytes=(\d+)-(\d+)$/.exec(request.headers["range"] ?? "") ?? []
      const part = content.slice(Number(from), Number(to) + 1).slice(0, kept)
      const headers = { "content-range": `bytes ${from}-${to}/${content.length}`, "last-modified": version }
      return new Response(part, { status: 206, headers })
    })
    return Effect.gen(function* () {
      const file = yield* ByteFile.openUrl(url)
      assert.strictEqual(file.stamp.version, "one")
      kept = 10
      assert.include((yield* Effect.flip(file.slice(0, 20))).message, "of another length")
      kept = Infinity
      version = "two"
      assert.include((yield* Effect.flip(file.slice(0, 20))).message, "was changed while it was read")
    }).pipe(Effect.provide(layer))
  })
})
