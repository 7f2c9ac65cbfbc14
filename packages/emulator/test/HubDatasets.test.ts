/** Datasets on the emulator's hub, as they are on the wire. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Dataset, Emulator } from "@stint/emulator"
import { Effect, FileSystem, Layer, Path, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"

const bytes = (text: string) => new TextEncoder().encode(text)

const datasets = {
  "acme/books": {
    files: { "README.md": bytes("# Books"), "data/a b.parquet": bytes("0123456789") },
    converted: {
      "default/train/0000.parquet": bytes("0123456789"),
      "default/train/0001.parquet": bytes("abc"),
      "large/partial-train/0000.parquet": bytes("x")
    }
  },
  "acme/asked": { files: { "a.parquet": bytes("a") }, access: "gated" },
  "acme/refused": { files: { "a.parquet": bytes("a") }, access: "gated", granted: false },
  "acme/ours": { files: { "a.parquet": bytes("a") }, access: "private" },
  "acme/theirs": { files: { "a.parquet": bytes("a") }, access: "private", granted: false }
} as const

const world = Layer.merge(Emulator.layerMemory({ datasets }), NodeServices.layer)

/** One request; redirects are shown, not followed. */
const ask = Effect.fnUntraced(function* (
  to: string,
  headers: Readonly<Record<string, string>> = { authorization: "Bearer hf_emulator" }
) {
  const { urls } = yield* Emulator.Emulator
  const response = yield* HttpClient.execute(HttpClientRequest.get(new URL(to, urls.hub), { headers }))
  return { status: response.status, headers: response.headers, text: yield* response.text }
})

const Json = Schema.fromJsonString(Schema.Json)
const json = (to: string) => Effect.flatMap(ask(to), ({ text }) => Schema.decodeEffect(Json)(text))

const Entries = Schema.fromJsonString(
  Schema.Array(Schema.Struct({ type: Schema.String, path: Schema.String }))
)
const tree = (to: string) =>
  Effect.flatMap(ask(to), ({ headers, text }) =>
    Effect.map(Schema.decodeEffect(Entries)(text), (entries) => ({
      paths: entries.map(({ path, type }) => `${type} ${path}`),
      next: /^<(.*)>; rel="next"$/.exec(headers["link"] ?? "")?.[1]
    }))
  )

const Info = Schema.fromJsonString(Schema.Struct({ sha: Schema.String }))
const sha = (revision: string) =>
  Effect.flatMap(ask(`/api/datasets/acme/books/revision/${revision}`), ({ text }) =>
    Effect.map(Schema.decodeEffect(Info)(text), ({ sha }) => sha)
  )

describe("the hub's datasets", () => {
  it.effect("have commits, which stay when another one is pushed", () =>
    Effect.gen(function* () {
      const { setDataset } = yield* Emulator.Emulator
      const main = yield* sha("main")
      const converted = yield* sha("refs%2Fconvert%2Fparquet")
      assert.match(main, /^[0-9a-f]{40}$/)
      assert.notStrictEqual(main, converted)
      assert.strictEqual(yield* sha("HEAD"), main)
      assert.strictEqual(yield* sha("refs/convert/parquet"), converted)
      assert.strictEqual(yield* sha("~parquet"), converted)
      assert.strictEqual(yield* sha(main), main)
      yield* setDataset("acme/books", { files: { "new.parquet": bytes("new") } })
      assert.notStrictEqual(yield* sha("main"), main)
      assert.strictEqual(yield* sha(main), main)
      assert.strictEqual((yield* ask("/api/datasets/acme/books/revision/~parquet")).status, 404)
      assert.strictEqual((yield* ask(`/datasets/acme/books/resolve/${main}/README.md`)).status, 302)
    }).pipe(Effect.provide(world))
  )

  it.effect("are listed by folder or as a whole, in pages", () =>
    Effect.gen(function* () {
      const at = "/api/datasets/acme/books/tree"
      assert.deepStrictEqual((yield* tree(`${at}/main`)).paths, ["file README.md", "directory data"])
      const all = [
        "directory default",
        "directory default/train",
        "file default/train/0000.parquet",
        "file default/train/0001.parquet",
        "directory large",
        "directory large/partial-train",
        "file large/partial-train/0000.parquet"
      ]
      assert.deepStrictEqual((yield* tree(`${at}/~parquet?recursive=True`)).paths, all)
      const found: Array<string> = []
      let next: string | undefined = `${at}/~parquet?recursive=true&limit=3`
      for (let pages = 0; next !== undefined; pages++) {
        assert.isBelow(pages, 3)
        const page: { readonly paths: ReadonlyArray<string>; readonly next: string | undefined } =
          yield* tree(next)
        found.push(...page.paths)
        next = page.next
      }
      assert.deepStrictEqual(found, all)
      assert.deepStrictEqual((yield* tree(`${at}/main/data`)).paths, ["file data/a b.parquet"])
      assert.strictEqual((yield* ask(`${at}/main/nothing`)).headers["x-error-code"], "EntryNotFound")
      assert.strictEqual((yield* ask(`${at}/v9`)).headers["x-error-code"], "RevisionNotFound")
    }).pipe(Effect.provide(world))
  )

  it.effect("have their converted files by config and split", () =>
    Effect.gen(function* () {
      const { urls } = yield* Emulator.Emulator
      const at = `${urls.hub.origin}/api/datasets/acme/books/parquet`
      const train = [`${at}/default/train/0.parquet`, `${at}/default/train/1.parquet`]
      assert.deepStrictEqual(yield* json(at), {
        default: { train },
        large: { train: [`${at}/large/train/0.parquet`] }
      })
      assert.deepStrictEqual(yield* json(`${at}/default`), { train })
      assert.deepStrictEqual(yield* json(`${at}/default/train`), train)
      const { headers, status } = yield* ask(`${at}/large/train/0.parquet`)
      assert.deepStrictEqual(
        [status, headers["location"]],
        [302, "/datasets/acme/books/resolve/refs%2Fconvert%2Fparquet/large/partial-train/0000.parquet"]
      )
      assert.strictEqual((yield* ask(`${at}/default/train/2.parquet`)).status, 404)
      assert.strictEqual((yield* ask(`${at}/other`)).status, 404)
    }).pipe(Effect.provide(world))
  )

  it.effect("are read from another host, by range, and by nobody who brings a token there", () =>
    Effect.gen(function* () {
      const { urls } = yield* Emulator.Emulator
      const found = yield* ask("/datasets/acme/books/resolve/main/data/a%20b.parquet")
      assert.deepStrictEqual([found.status, found.headers["x-linked-size"]], [302, "10"])
      assert.strictEqual(found.headers["x-repo-commit"], yield* sha("main"))
      const to = found.headers["location"] ?? ""
      assert.notStrictEqual(new URL(to).origin, urls.hub.origin)
      assert.strictEqual((yield* ask(to, {})).text, "0123456789")
      for (const [range, status, text, of] of [
        ["bytes=2-4", 206, "234", "bytes 2-4/10"],
        ["bytes=8-", 206, "89", "bytes 8-9/10"],
        ["bytes=-3", 206, "789", "bytes 7-9/10"],
        ["bytes=5-99", 206, "56789", "bytes 5-9/10"],
        ["bytes=10-12", 416, undefined, "bytes */10"],
        ["lines=1-2", 416, undefined, "bytes */10"]
      ] as const) {
        const part = yield* ask(to, { range })
        assert.deepStrictEqual([range, part.status, part.headers["content-range"]], [range, status, of])
        if (text !== undefined) assert.strictEqual(part.text, text)
      }
      assert.strictEqual((yield* ask(to)).status, 400)
      assert.strictEqual((yield* ask(to.replace(/Signature=\w{4}/, "Signature=0000"), {})).status, 403)
    }).pipe(Effect.provide(world))
  )

  it.effect("are refused as the hub refuses them", () =>
    Effect.gen(function* () {
      const token = { authorization: "Bearer hf_emulator" }
      for (const [id, headers, info, file, code] of [
        ["acme/asked", token, 200, 302, undefined],
        ["acme/asked", {}, 200, 401, "GatedRepo"],
        ["acme/refused", token, 200, 403, "GatedRepo"],
        ["acme/ours", token, 200, 302, undefined],
        ["acme/ours", {}, 401, 401, "RepoNotFound"],
        ["acme/theirs", token, 404, 404, "RepoNotFound"],
        ["acme/nothing", token, 404, 404, "RepoNotFound"],
        ["acme/nothing", {}, 401, 401, "RepoNotFound"]
      ] as const) {
        const about = yield* ask(`/api/datasets/${id}`, headers)
        const resolved = yield* ask(`/datasets/${id}/resolve/main/a.parquet`, headers)
        assert.deepStrictEqual(
          [id, about.status, resolved.status, resolved.headers["x-error-code"]],
          [id, info, file, code]
        )
      }
      const stale = yield* ask("/api/datasets/acme/books", { authorization: "Bearer hf_stale" })
      assert.deepStrictEqual(
        [stale.status, stale.headers["x-error-message"]],
        [401, "Invalid credentials in Authorization header"]
      )
    }).pipe(Effect.provide(world))
  )

  it.effect("come from a folder, and one of 400 rows ships", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const folder = yield* fs.makeTempDirectoryScoped()
      for (const file of [
        "acme/books/README.md",
        "acme/books/default/train/a.parquet",
        "acme/books/.git/config",
        "acme/plain/x.parquet",
        ".cache/a/b",
        "stray"
      ]) {
        yield* fs.makeDirectory(path.dirname(path.join(folder, file)), { recursive: true })
        yield* fs.writeFileString(path.join(folder, file), file)
      }
      const found = yield* Dataset.fromFolder(folder)
      assert.deepStrictEqual(Object.keys(found), ["acme/books", "acme/plain"])
      assert.deepStrictEqual(Object.keys(found["acme/books"]?.files ?? {}).toSorted(), [
        "README.md",
        "default/train/a.parquet"
      ])
      assert.deepStrictEqual(Object.keys(found["acme/books"]?.converted ?? {}), ["default/train/a.parquet"])
      assert.isUndefined(found["acme/plain"]?.converted)
      const { converted } = yield* Dataset.definitions
      assert.deepStrictEqual(Object.keys(converted ?? {}), [
        "default/train/0000.parquet",
        "default/train/0001.parquet"
      ])
    }).pipe(Effect.provide(world))
  )
})
