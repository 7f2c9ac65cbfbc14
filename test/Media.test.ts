/** Pictures and sounds in rows: looked at before anything is woken, sent as bytes, held only while they are sent. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Batch, Job, Journal, type ManagedEndpoint, Media, Row, withEndpoint } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import type { Engine } from "@stint/emulator"
import { Effect, FileSystem, Path, Schema, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import { ByteDigest } from "../packages/batch/src/internal/media/byteDigest.ts"
import * as MediaType from "../packages/batch/src/internal/media/mediaType.ts"
import * as World from "./batchWorld.ts"

const png = (text: string) =>
  new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, ...new TextEncoder().encode(text)])
const flac = (text: string) => new TextEncoder().encode(`fLaC${text}`)

const vLLM: ManagedEndpoint.Options = {
  name: World.name,
  spec: EndpointSpec.make({
    repository: "acme/talker",
    accelerator: "cpu",
    vendor: "aws",
    region: "us-east-1",
    instanceType: "intel-spr",
    instanceSize: "x1",
    image: { vLLM: { url: "vllm/vllm-openai:v0.11.0", port: 8000 } }
  })
}

interface Seen {
  readonly path: string
  readonly type: string
  readonly body: Uint8Array
}

/** A server that keeps what it was sent, and answers each request the same. */
const keeper = (answer: unknown) => {
  const seen: Array<Seen> = []
  const engine: Engine.Engine = {
    name: "keeper",
    healthRoute: "/health",
    handle: (request) =>
      request.method === "GET"
        ? Effect.succeed(HttpServerResponse.jsonUnsafe({ data: [{ id: "acme/talker" }] }))
        : Effect.orDie(
            Effect.map(request.arrayBuffer, (body) => {
              seen.push({
                path: new URL(request.url, "http://e").pathname,
                type: request.headers["content-type"] ?? "",
                body: new Uint8Array(body)
              })
              return HttpServerResponse.jsonUnsafe(answer)
            })
          )
  }
  return { engine, seen }
}

const textOf = ({ body }: Seen) => new TextDecoder().decode(body)

/** A folder with files, and a file of rows. */
const folderOf = Effect.fnUntraced(function* (
  files: Readonly<Record<string, Uint8Array>>,
  rows: ReadonlyArray<unknown>
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = yield* fs.makeTempDirectoryScoped()
  for (const [name, bytes] of Object.entries(files)) {
    yield* fs.makeDirectory(path.dirname(path.join(home, name)), { recursive: true })
    yield* fs.writeFile(path.join(home, name), bytes)
  }
  const input = path.join(home, "rows.jsonl")
  yield* fs.writeFileString(input, rows.map((row) => `${JSON.stringify(row)}\n`).join(""))
  return { fs, path, home, input, files: yield* Media.folder(home) }
})

const problems = (input: string, kind: Row.Kind, files?: Media.Folder) =>
  Stream.runDrain(Row.checked(input, kind, { files }).items).pipe(
    Effect.flip,
    Effect.map((error) =>
      error._tag === "InvalidInput"
        ? error.problems.map(({ line, field, detail }) => `${line} ${field}: ${detail}`)
        : [error.message]
    )
  )

const node = <A, E>(
  program: Effect.Effect<
    A,
    E,
    World.World | FileSystem.FileSystem | Path.Path | import("effect").Scope.Scope
  >,
  engine: Engine.Engine = World.echo
) => program.pipe(Effect.provide([World.world({ engine }), NodeServices.layer]))

const row = (id: string, input: unknown) => ({ id, input })

describe("a file that a row refers to", () => {
  it.effect("is refused with line and field before anything is woken, when it cannot be used", () =>
    node(
      Effect.gen(function* () {
        const { files, fs, home, input, path } = yield* folderOf(
          {
            "in/a.flac": flac("a"),
            "in/empty.flac": new Uint8Array(),
            "in/what.bin": new Uint8Array([1, 2, 3])
          },
          [
            row("1", { file: "in/a.flac" }),
            row("2", { file: "in/missing.flac" }),
            row("3", { file: "../secret.flac" }),
            row("4", { file: "/etc/hostname" }),
            row("5", { file: "in/link.flac" }),
            row("6", { file: "in" }),
            row("7", { file: "in/empty.flac" }),
            row("8", { file: "in/what.bin" }),
            row("9", { file: 3 }),
            row("10", { base64: "AAAA" }),
            row("11", "text")
          ]
        )
        const outside = yield* fs.makeTempDirectoryScoped()
        yield* fs.writeFile(path.join(outside, "x.flac"), flac("x"))
        yield* fs.symlink(path.join(outside, "x.flac"), path.join(home, "in/link.flac"))
        const found = yield* problems(input, "transcribe", files)
        assert.deepStrictEqual(
          found.map((problem) => problem.split(":")[0]),
          [
            "2 input.file",
            "3 input.file",
            "4 input.file",
            "5 input.file",
            "6 input.file",
            "7 input.file",
            "8 input.file",
            "9 input.file",
            "10 input.type",
            "11 input"
          ]
        )
        assert.include(found[0], "there is no such file")
        assert.include(found[3], "outside the folder")
        const withoutFolder = yield* problems(input, "transcribe")
        assert.include(withoutFolder[0], "no folder")
        assert.deepStrictEqual(yield* World.changes, [])
      })
    )
  )

  it.effect("is refused when it is larger than a file may be", () =>
    node(
      Effect.gen(function* () {
        const { home } = yield* folderOf({ "a.flac": flac("a".repeat(100)) }, [])
        const files = yield* Media.folder(home, { maxFileBytes: 50 })
        const error = yield* Effect.flip(files.look("a.flac"))
        assert.include(error.message, "104 bytes")
      })
    )
  )

  it.effect("is the same request under another name, and another one when its content changes", () =>
    node(
      Effect.gen(function* () {
        const { files, fs, home, path } = yield* folderOf({ "a.png": png("1"), "b.png": png("1") }, [])
        const chat = Job.chat({
          key: (media: Media.Media) => media.type,
          messages: (media) => [Media.message("?", [media])]
        })
        const hear = Job.transcribe({ key: (media: Media.Media) => media.type, audio: (media) => media })
        for (const print of [chat.fingerprint, hear.fingerprint]) {
          const before = print(yield* files.look("a.png"))
          assert.deepStrictEqual(print(yield* files.look("b.png")), before)
          yield* fs.writeFile(path.join(home, "a.png"), png("2"))
          assert.notDeepEqual(print(yield* files.look("a.png")), before)
          yield* fs.writeFile(path.join(home, "a.png"), png("1"))
        }
      })
    )
  )

  const heard = keeper({ text: "hello" })
  it.effect("fails its row when it was changed after it was looked at, and is not sent", () =>
    node(
      Effect.gen(function* () {
        const { files, fs, home, path } = yield* folderOf({ "a.flac": flac("a") }, [])
        const audio = yield* files.look("a.flac")
        yield* fs.writeFile(path.join(home, "a.flac"), flac("b"))
        const job = Job.transcribe({ key: () => "1", audio: (media: Media.Media) => media, files })
        const [outcome] = yield* World.inTime(
          withEndpoint(World.options, () => Stream.make(audio).pipe(Batch.stream(job), Stream.runCollect))
        )
        assert.isTrue(outcome?._tag === "Failed" && outcome.error.message.includes("changed after"))
        assert.lengthOf(heard.seen, 0)
      }),
      heard.engine
    )
  )

  it.effect("is told from others by what is in it, in whatever pieces it is read", () =>
    Effect.sync(() => {
      const bytes = png("a picture that is read in pieces")
      const whole = new ByteDigest().update(bytes).hex()
      for (let at = 0; at <= bytes.length; at++) {
        assert.strictEqual(new ByteDigest().update(bytes.slice(0, at)).update(bytes.slice(at)).hex(), whole)
      }
      const one = bytes.slice()
      one[20] = 0
      assert.notStrictEqual(new ByteDigest().update(one).hex(), whole)
    })
  )

  it("has the type that its first bytes say", () => {
    const riff = (kind: string) => new TextEncoder().encode(`RIFF1234${kind}`)
    assert.strictEqual(MediaType.of(png("")), "image/png")
    assert.strictEqual(MediaType.of(riff("WAVE")), "audio/wav")
    assert.strictEqual(MediaType.of(riff("WEBP")), "image/webp")
    assert.strictEqual(MediaType.of(new Uint8Array([0xff, 0xd8, 0xff, 0xe0])), "image/jpeg")
    assert.strictEqual(MediaType.of(new Uint8Array([0xff, 0xfb, 0x90, 0])), "audio/mpeg")
    assert.isUndefined(MediaType.of(new TextEncoder().encode("hello")))
  })
})

const rowsRun = (
  input: string,
  kind: Row.Kind,
  options: ManagedEndpoint.Options,
  files: Media.Folder,
  more?: Row.JobOptions
) =>
  Effect.gen(function* () {
    const journal = yield* Journal.makeMemory
    const job = Row.job(kind, { ...more, files })
    const report = yield* World.inTime(
      Row.checked(input, kind, { files }).items.pipe(Batch.runOn(options, job), World.withJournal(journal))
    )
    const entries = yield* Stream.runCollect(journal.entries)
    return { report, entries }
  })

describe("a sound", () => {
  it.effect("is sent to the toolkit as its bytes, with its type", () => {
    const { engine, seen } = keeper({ text: "hello" })
    return node(
      Effect.gen(function* () {
        const { files, input } = yield* folderOf({ "s/a.flac": flac("one") }, [
          row("1", { file: "s/a.flac" }),
          row("2", Media.bytes(flac("two"), "audio/x-flac"))
        ])
        const { entries, report } = yield* rowsRun(input, "transcribe", World.options, files)
        assert.deepInclude(report, { succeeded: 2, failed: 0 })
        assert.deepStrictEqual(
          entries.map(({ output }) => output),
          [{ output: "hello" }, { output: "hello" }]
        )
        const sent = seen.map((one) => [one.type, textOf(one)]).toSorted()
        assert.deepStrictEqual(sent, [
          ["audio/flac", "fLaCone"],
          ["audio/x-flac", "fLaCtwo"]
        ])
      }),
      engine
    )
  })

  it.effect("is sent as Base64 where there are parameters", () => {
    const { engine, seen } = keeper({ text: "hello" })
    return node(
      Effect.gen(function* () {
        const { files, input } = yield* folderOf({ "a.flac": flac("one") }, [row("1", { file: "a.flac" })])
        yield* rowsRun(input, "transcribe", World.options, files, { parameters: { return_timestamps: true } })
        const [one] = seen
        assert.strictEqual(one?.type, "application/json")
        assert.deepStrictEqual(JSON.parse(one === undefined ? "" : textOf(one)), {
          inputs: "ZkxhQ29uZQ==",
          parameters: { return_timestamps: true }
        })
      }),
      engine
    )
  })

  it.effect("is sent as a form where the engine has OpenAI's routes", () => {
    const { engine, seen } = keeper({ text: "hello" })
    return node(
      Effect.gen(function* () {
        const { files, input } = yield* folderOf({ "a.flac": flac("one") }, [row("1", { file: "a.flac" })])
        const { report } = yield* rowsRun(input, "transcribe", vLLM, files, {
          parameters: { language: "en" }
        })
        assert.deepInclude(report, { succeeded: 1 })
        const [one] = seen
        assert.strictEqual(one?.path, "/v1/audio/transcriptions")
        assert.match(one?.type ?? "", /^multipart\/form-data; boundary=/)
        for (const part of ["fLaCone", 'name="model"', "acme/talker", 'name="language"', "audio/flac"])
          assert.include(one === undefined ? "" : textOf(one), part)
      }),
      engine
    )
  })

  it.effect("fails in the emulator's words, which has no ears", () =>
    Effect.gen(function* () {
      const { files, input } = yield* folderOf({ "a.flac": flac("one") }, [row("1", { file: "a.flac" })])
      const spec = EndpointSpec.make({
        repository: "openai/whisper-tiny",
        task: "automatic-speech-recognition",
        accelerator: "cpu",
        vendor: "aws",
        region: "us-east-1",
        instanceType: "intel-spr",
        instanceSize: "x1"
      })
      const { entries } = yield* rowsRun(input, "transcribe", { name: World.name, spec }, files)
      assert.include(JSON.stringify(entries[0]?.error), "no model for automatic-speech-recognition")
      // What failed can be run again as it is.
      assert.deepInclude(entries[0]?.input, { id: "1" })
    }).pipe(Effect.provide([World.world({ engines: undefined }), NodeServices.layer]))
  )
})

describe("a picture", () => {
  it.effect("is classified by the toolkit, alone, beside texts that share requests", () => {
    const { engine, seen } = keeper([{ label: "cat", score: 1 }])
    return node(
      Effect.gen(function* () {
        const { files, input } = yield* folderOf({ "a.png": png("a"), "b.png": png("b") }, [
          row("1", { file: "a.png" }),
          row("2", { file: "b.png" })
        ])
        const { report } = yield* rowsRun(input, "classify", World.options, files)
        assert.deepInclude(report, { succeeded: 2 })
        assert.deepStrictEqual(
          seen.map(({ type }) => type),
          ["image/png", "image/png"]
        )
      }),
      engine
    )
  })

  const Sent = Schema.fromJsonString(Schema.Struct({ messages: Schema.Json }))

  it.effect("of a chat is sent as a data: URL, and nothing of ours goes with it", () => {
    const { engine, seen } = keeper({ choices: [{ message: { content: "a cat" }, finish_reason: "stop" }] })
    return node(
      Effect.gen(function* () {
        const ask = (url: string) => [
          {
            role: "user",
            content: [
              { type: "text", text: "What is it?" },
              { type: "image_url", image_url: { url, detail: "low" } }
            ]
          }
        ]
        const { files, input } = yield* folderOf({ "pics/1.png": png("") }, [
          row("1", ask("file:pics/1.png")),
          row("2", ask("pics/1.png")),
          row("3", ask("https://example.com/1.png"))
        ])
        const { report } = yield* rowsRun(input, "chat", vLLM, files, { system: "Be brief." })
        assert.deepInclude(report, { succeeded: 3 })
        const sent = yield* Effect.forEach(seen, (one) => Schema.decodeEffect(Sent)(textOf(one)))
        const data = `data:image/png;base64,${Media.bytes(png(""), "image/png").base64}`
        const urls = [data, data, "https://example.com/1.png"]
        assert.sameDeepMembers(
          sent.map(({ messages }) => messages),
          urls.map((url) => [{ role: "system", content: "Be brief." }, ...ask(url)])
        )
      }),
      engine
    )
  })

  it.effect("of a chat that is not there is told with its place in the row", () =>
    node(
      Effect.gen(function* () {
        const parts = [{ type: "image_url", image_url: { url: "file:no.png" } }]
        const { files, input } = yield* folderOf({}, [row("1", [{ role: "user", content: parts }])])
        assert.deepStrictEqual(yield* problems(input, "chat", files), [
          "1 input[0].content[0].image_url.url: there is no such file or folder"
        ])
      })
    )
  )

  it.effect("of a failed row can be looked at again from the row itself", () =>
    node(
      Effect.gen(function* () {
        const { files, fs, home, input, path } = yield* folderOf({ "a.png": png("a") }, [
          row("1", { file: "a.png" })
        ])
        const [first] = yield* Stream.runCollect(Row.checked(input, "classify", { files }).items)
        const again = path.join(home, "errors.jsonl")
        yield* fs.writeFileString(again, `${JSON.stringify(first)}\n`)
        yield* fs.writeFile(path.join(home, "a.png"), png("b"))
        const [second] = yield* Stream.runCollect(Row.checked(again, "classify", { files }).items)
        const { fingerprint } = Row.job("classify")
        if (first === undefined || second === undefined) return assert.fail("no row")
        assert.notDeepEqual(fingerprint(first), fingerprint(second))
        yield* fs.writeFile(path.join(home, "a.png"), new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 1]))
        const [third] = yield* Stream.runCollect(Row.checked(again, "classify", { files }).items)
        assert.include(JSON.stringify(third), "image/jpeg")
      })
    )
  )
})

describe("the bytes of files", () => {
  it.effect("are held to a bound, and a file that is larger goes alone", () =>
    node(
      Effect.gen(function* () {
        const size = 4096
        const big = flac("x".repeat(size * 4))
        const names = Array.from({ length: 12 }, (_, at) => `${at}.flac`)
        const all = Object.fromEntries(names.map((name) => [name, flac("y".repeat(size - 4))]))
        const { home } = yield* folderOf({ ...all, "big.flac": big }, [])
        const files = yield* Media.folder(home, { maxHeldBytes: size * 3 })
        const looked = yield* Effect.forEach([...names, "big.flac"], (name) => files.look(name))
        let held = 0
        let most = 0
        const counts: Array<number> = []
        yield* Effect.forEach(
          looked,
          (media) =>
            files.load([media], ([loaded]) =>
              Effect.gen(function* () {
                const bytes = loaded?.bytes.length ?? 0
                held += bytes
                most = Math.max(most, held)
                counts.push(bytes)
                for (let turn = 0; turn < 5; turn++) yield* Effect.yieldNow
                if (bytes > size) assert.strictEqual(held, bytes)
                held -= bytes
              })
            ),
          { concurrency: "unbounded" }
        )
        assert.lengthOf(counts, 13)
        assert.strictEqual(most, big.length)
        assert.isAtMost(Math.max(...counts.filter((count) => count <= size)) * 3, size * 3)
      })
    )
  )

  it.effect("are let go when a request fails", () =>
    node(
      Effect.gen(function* () {
        const { home } = yield* folderOf({ "a.flac": flac("a".repeat(4000)) }, [])
        const files = yield* Media.folder(home, { maxHeldBytes: 4096 })
        const media = yield* files.look("a.flac")
        for (let time = 0; time < 3; time++) {
          assert.strictEqual(yield* Effect.flip(files.load([media], () => Effect.fail("broken"))), "broken")
        }
      })
    )
  )
})
