import { assert, describe, it } from "@effect/vitest"
import { Forecast } from "@stint/batch"
import type { Hardware } from "@stint/core"
import { Schema } from "effect"
import * as Bill from "../src/internal/forecast/bill.ts"

const instance = (given: Partial<Hardware.Instance> = {}): Hardware.Instance => ({
  vendor: "aws",
  region: "us-east-1",
  instanceType: "nvidia-l4",
  instanceSize: "x1",
  accelerator: "gpu",
  accelerators: 1,
  architecture: undefined,
  cpus: undefined,
  memory: undefined,
  acceleratorMemory: 24,
  status: "available",
  pricePerHour: 0.8,
  quotaLeft: undefined,
  ...given
})

const h100 = instance({
  instanceType: "nvidia-h100",
  acceleratorMemory: 80,
  pricePerHour: 4.5
})

const exactly = (value: number): Forecast.Range => ({ low: value, expected: value, high: value })

const work = (requests: number, input: number, output: number): Forecast.Work => ({
  requests,
  inputTokens: exactly(input),
  outputTokens: exactly(output)
})

const only = (options: Forecast.Options): Forecast.Choice => {
  const [choice] = Forecast.make(options).choices
  assert.isDefined(choice)
  return choice
}

const contains = (range: Forecast.Range | undefined, value: number) => {
  assert.isDefined(range)
  assert.isAtMost(range.low, value)
  assert.isAtLeast(range.high, value)
}

describe("a guess from data sheets", () => {
  // vectorize-io/hindsight#4039: TEI, one L4, texts of about 430 tokens, 8 at a time by 8
  it("holds what TEI was measured to do with bge-small on an L4", () => {
    const model = Forecast.sizeOf("BAAI/bge-small-en-v1.5")
    contains(only({ work: work(1e5, 430, 0), model, hardware: [instance()] }).requestsPerSecond, 2080)
  })

  // datatrove, examples/inference/benchmark/README.md: vLLM 0.15, tokens written a second on an H100
  it.each([
    ["HuggingFaceTB/SmolLM2-1.7B-Instruct", 9220],
    ["Qwen/Qwen3-4B", 8086],
    ["Qwen/Qwen3-8B", 6443],
    ["google/gemma-3-27b-it", 1724]
  ])("holds what vLLM was measured to write with %s on an H100", (repository, tokens) => {
    const { requestsPerSecond } = only({
      work: work(1e5, 1000, 500),
      model: Forecast.sizeOf(repository),
      hardware: [h100]
    })
    contains(requestsPerSecond, tokens / 500)
  })

  // https://modal.com/docs/examples/vllm_throughput: 30k tokens read and 2k written a second
  it("holds what vLLM was measured to read with Qwen3-8B on an H100", () => {
    const model = Forecast.sizeOf("Qwen/Qwen3-8B")
    contains(only({ work: work(1e5, 3000, 200), model, hardware: [h100] }).requestsPerSecond, 10)
  })

  it("says that it is one, and by how much it may be off", () => {
    const choice = only({
      work: work(10, 10, 10),
      model: Forecast.sizeOf("Qwen/Qwen3-8B"),
      hardware: [instance()]
    })
    assert.strictEqual(choice.basis, "published")
    assert.include(choice.because, "off by 3x")
  })

  it("leaves out what the model does not fit into, and counts it", () => {
    const forecast = Forecast.make({
      work: work(10, 10, 10),
      model: Forecast.sizeOf("Qwen/Qwen3-32B"),
      hardware: [instance(), h100]
    })
    assert.deepStrictEqual(
      forecast.choices.map(({ instanceType }) => instanceType),
      ["nvidia-h100"]
    )
    assert.strictEqual(forecast.tooSmall, 1)
  })

  it("knows nothing of a model of unknown size, of processors, or of pictures", () => {
    const cpu = instance({ instanceType: "intel-spr", accelerator: "cpu", acceleratorMemory: undefined })
    const model = Forecast.sizeOf("Qwen/Qwen3-8B")
    for (const options of [
      { work: work(10, 10, 10), hardware: [instance()] },
      { work: work(10, 10, 10), hardware: [cpu], model },
      { work: { ...work(10, 10, 0), isText: false }, hardware: [instance()], model }
    ]) {
      const choice = only(options)
      assert.strictEqual(choice.basis, "unknown")
      assert.match(choice.because, /^not known: /)
      assert.isUndefined(choice.minutes)
      assert.isUndefined(choice.dollars)
    }
  })
})

describe("the size of a model", () => {
  it.each([
    ["Qwen/Qwen3-0.6B", 0.6e9, 0.6e9, 2],
    ["meta-llama/Llama-3.1-70B-Instruct", 70e9, 70e9, 2],
    ["Qwen/Qwen3-30B-A3B-Instruct", 30e9, 3e9, 2],
    ["google/gemma-3-270m", 270e6, 270e6, 2],
    ["Qwen/Qwen2.5-7B-Instruct-AWQ", 7e9, 7e9, 0.56],
    ["RedHatAI/Llama-3.1-8B-Instruct-FP8", 8e9, 8e9, 1.06],
    ["openai/gpt-oss-120b", 116.8e9, 5.1e9, 0.55],
    ["intfloat/multilingual-e5-small", 118e6, 118e6, 2]
  ])("is read from %s", (name, parameters, active, bytesPerParameter) => {
    assert.deepStrictEqual(Forecast.sizeOf(name), { parameters, active, bytesPerParameter })
  })

  it.each(["acme/support-bot", "acme/model-4bit", "acme/8books", "acme/bert-v2"])(
    "is not read from %s",
    (name) => assert.isUndefined(Forecast.sizeOf(name))
  )

  it("is taken from a person as 8B or 33m, and nothing else", () => {
    assert.strictEqual(Forecast.sizeFromText("8B")?.parameters, 8e9)
    assert.strictEqual(Forecast.sizeFromText(" 33m ")?.parameters, 33e6)
    for (const text of ["8", "B", "0B", "8 billion", "-8B"]) assert.isUndefined(Forecast.sizeFromText(text))
  })
})

const runs: Forecast.Evidence = {
  instanceType: "nvidia-l4",
  instanceSize: "x1",
  accelerators: 1,
  acceleratorMemory: 24,
  runs: 3,
  rows: 3000,
  seconds: 600,
  longest: 10,
  tokens: { input: 100, output: 50 }
}

describe("earlier runs", () => {
  const model = Forecast.sizeOf("Qwen/Qwen3-8B")

  it("win over data sheets on their hardware, and give a narrower range", () => {
    const options = { work: work(100_000, 100, 50), model, hardware: [instance()] }
    const guess = only(options)
    const known = only({ ...options, evidence: runs })
    assert.strictEqual(known.basis, "runs")
    assert.strictEqual(known.because, "from 3 earlier runs of 3,000 rows on nvidia-l4 x1")
    contains(known.requestsPerSecond, 5)
    const width = ({ minutes }: Forecast.Choice) => (minutes?.high ?? 0) / (minutes?.low ?? 1)
    assert.isBelow(width(known), 1.5)
    assert.isAbove(width(guess), 4)
  })

  it("are carried over to other hardware with twice the doubt, if the model's size is known", () => {
    const options = { work: work(100_000, 100, 50), hardware: [h100], evidence: runs }
    const carried = only({ ...options, model })
    assert.strictEqual(carried.basis, "scaled")
    assert.isAbove(carried.requestsPerSecond?.expected ?? 0, 5)
    assert.strictEqual(only(options).basis, "unknown")
  })

  it("say what they know without the model's size", () => {
    const known = only({ work: work(100_000, 100, 50), hardware: [instance()], evidence: runs })
    contains(known.requestsPerSecond, 5)
  })

  it("of shorter rows say that longer ones take longer", () => {
    const rate = (output: number) =>
      only({ work: work(1000, 100, output), hardware: [instance()], evidence: runs }).requestsPerSecond
        ?.expected ?? 0
    assert.isBelow(rate(100), rate(50))
  })

  it("say so where the reports do not name the hardware", () => {
    const choice = only({
      work: work(10, 100, 50),
      hardware: [instance()],
      evidence: { ...runs, isAssumed: true }
    })
    assert.include(choice.because, "the reports do not say")
  })
})

describe("a boot that was measured", () => {
  const elsewhere = instance({ instanceType: "nvidia-a10g" })
  const measured = { low: 10, expected: 12, high: 18 }
  // One row: its minutes are those of the boot.
  const minutesOn = (at: Hardware.Instance, more: Partial<Forecast.Options>) =>
    only({
      work: work(1, 100, 0),
      model: Forecast.sizeOf("BAAI/bge-small-en-v1.5"),
      hardware: [at],
      ...more
    }).minutes ?? exactly(Number.NaN)

  it("holds on the hardware of the runs", () => {
    assert.isBelow(minutesOn(instance(), { evidence: runs, boot: measured }).high, 2)
  })

  it("is but one end of the range on other hardware", () => {
    const usual = minutesOn(elsewhere, { evidence: runs })
    const carried = minutesOn(elsewhere, { evidence: runs, boot: measured })
    assert.isAtLeast(carried.high, 10)
    assert.isBelow(carried.low, 1)
    assert.isAbove(carried.expected, 1)
    assert.isBelow(carried.expected, usual.expected)
    const slow = minutesOn(elsewhere, { evidence: runs, boot: exactly(1800) })
    assert.isAtLeast(slow.high, 30)
    assert.isBelow(slow.low, 10)
  })

  it("holds everywhere where it is given without runs", () => {
    assert.isBelow(minutesOn(elsewhere, { boot: measured }).high, 3)
  })
})

describe("prices", () => {
  it("are the API's, else those of the shipped list with its day, else unknown and not nothing", () => {
    const priceOf = (given: Partial<Hardware.Instance>) => {
      const { dollars, priceAsOf, priceFrom, pricePerHour } = only({
        work: work(1000, 100, 50),
        hardware: [instance(given)],
        evidence: { ...runs, instanceType: given.instanceType ?? runs.instanceType }
      })
      return { priceAsOf, priceFrom, pricePerHour, hasDollars: dollars !== undefined }
    }
    const asOf = undefined
    assert.deepStrictEqual(priceOf({ pricePerHour: 0.7 }), {
      priceAsOf: asOf,
      priceFrom: "api",
      pricePerHour: 0.7,
      hasDollars: true
    })
    const listed = priceOf({ pricePerHour: undefined })
    assert.strictEqual(listed.priceFrom, "list")
    assert.strictEqual(listed.pricePerHour, 0.8)
    assert.match(listed.priceAsOf ?? "", /^\d{4}-\d{2}-\d{2}$/)
    assert.isFalse(priceOf({ instanceType: "nvidia-z9", pricePerHour: undefined }).hasDollars)
  })
})

describe("a deadline", () => {
  const options = {
    work: work(100_000, 100, 50),
    hardware: [instance()],
    evidence: runs,
    boot: exactly(240)
  }

  it("that booting alone outlasts is met by no number of replicas", () => {
    const { deadline } = only({ ...options, deadline: "4 minutes" })
    assert.isUndefined(deadline?.replicas)
    assert.include(deadline?.problem ?? "", "booting")
  })

  it("that the quota has no room for says so", () => {
    const { deadline } = only({
      ...options,
      hardware: [instance({ quotaLeft: 2 })],
      deadline: "30 minutes"
    })
    assert.isUndefined(deadline?.replicas)
    assert.match(deadline?.problem ?? "", /it would take \d+ replicas; the quota has room for 2/)
  })
})

const between = (minimum: number, maximum: number) =>
  Schema.Finite.check(Schema.isBetween({ minimum, maximum }))
const Around = Schema.Struct({ expected: between(0.01, 10_000), below: between(0, 3), above: between(0, 3) })

const Drawn = Schema.Struct({
  requests: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000_000 })),
  input: Around,
  output: Schema.NullOr(Around),
  pricePerHour: between(0.01, 50),
  instanceType: Schema.Literals(["nvidia-t4", "nvidia-l4", "nvidia-a10g", "nvidia-h200"]),
  parameters: Schema.Literals(["33M", "0.6B", "4B"]),
  evidence: Schema.NullOr(
    Schema.Struct({
      instanceType: Schema.Literals(["nvidia-l4", "nvidia-a10g"]),
      rows: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 })),
      seconds: between(0.01, 100_000),
      longest: Schema.NullOr(between(0.01, 600)),
      output: Schema.Literals([0, 10, 500])
    })
  )
})
type Drawn = typeof Drawn.Type

const around = (one: typeof Around.Type | null): Forecast.Range =>
  one === null
    ? exactly(0)
    : {
        low: one.expected / (1 + one.below),
        expected: one.expected,
        high: one.expected * (1 + one.above)
      }

const toOptions = (drawn: Drawn) => ({
  work: {
    requests: drawn.requests,
    inputTokens: around(drawn.input),
    outputTokens: around(drawn.output)
  },
  model: Forecast.sizeFromText(drawn.parameters),
  hardware: [
    instance({
      instanceType: drawn.instanceType,
      acceleratorMemory: undefined,
      pricePerHour: drawn.pricePerHour
    })
  ],
  evidence:
    drawn.evidence === null
      ? undefined
      : {
          instanceType: drawn.evidence.instanceType,
          instanceSize: "x1",
          runs: 1,
          rows: drawn.evidence.rows,
          seconds: drawn.evidence.seconds,
          longest: drawn.evidence.longest ?? undefined,
          tokens: { input: 100, output: drawn.evidence.output }
        }
})

const numbers = (choice: Forecast.Choice) => {
  const { billedMinutes, dollars, minutes } = choice
  assert.isDefined(billedMinutes)
  assert.isDefined(dollars)
  assert.isDefined(minutes)
  return [minutes, billedMinutes, dollars] as const
}

const isAtMost = (less: Forecast.Choice, more: Forecast.Choice) => {
  const [a, b] = [numbers(less), numbers(more)]
  for (const [at, range] of a.entries()) {
    for (const end of ["low", "expected", "high"] as const) {
      const other = b[at]?.[end] ?? -1
      assert.isAtMost(range[end], other * (1 + 1e-9) + 1e-9, `${at} ${end}`)
    }
  }
}

describe("whatever the work and the hardware", () => {
  it.prop("low is at most what is expected, and that at most high", { drawn: Drawn }, ({ drawn }) => {
    for (const range of numbers(only(toOptions(drawn)))) {
      assert.isAtLeast(range.low, 0)
      assert.isAtMost(range.low, range.expected)
      assert.isAtMost(range.expected, range.high)
    }
  })

  it.prop("every started minute is billed, and no more", { drawn: Drawn }, ({ drawn }) => {
    const { billedMinutes, minutes } = only(toOptions(drawn))
    for (const end of ["low", "expected", "high"] as const) {
      assert.strictEqual(billedMinutes?.[end], Math.ceil(minutes?.[end] ?? 0))
    }
  })

  it.prop(
    "more rows, more tokens or a higher price never cost less",
    { drawn: Drawn, factor: between(1, 10) },
    ({ drawn, factor }) => {
      const base = only(toOptions(drawn))
      const times = (one: typeof Around.Type) => ({ ...one, expected: one.expected * factor })
      isAtMost(base, only(toOptions({ ...drawn, requests: Math.ceil(drawn.requests * factor) })))
      isAtMost(base, only(toOptions({ ...drawn, input: times(drawn.input) })))
      isAtMost(base, only(toOptions({ ...drawn, output: drawn.output && times(drawn.output) })))
      isAtMost(base, only(toOptions({ ...drawn, pricePerHour: drawn.pricePerHour * factor })))
    }
  )

  it.prop(
    "a deadline is met by its replicas, and one replica is never dearer",
    { drawn: Drawn, minutes: between(1, 2000) },
    ({ drawn, minutes }) => {
      const options = toOptions(drawn)
      const alone = only(options)
      const { deadline } = only({ ...options, deadline: { minutes } })
      assert.isDefined(deadline)
      if (deadline.replicas === undefined) return assert.isDefined(deadline.problem)
      assert.isAtMost(deadline.minutes?.expected ?? Infinity, minutes * (1 + 1e-9))
      assert.isAtLeast(deadline.billedMinutes?.expected ?? 0, alone.billedMinutes?.expected ?? Infinity)
      assert.isAtLeast(deadline.dollars?.expected ?? 0, (alone.dollars?.expected ?? Infinity) - 1e-9)
    }
  )

  it.prop("is written down and read back the same", { drawn: Drawn }, ({ drawn }) => {
    const forecast = Forecast.make({ ...toOptions(drawn), deadline: "1 hour" })
    const json = Schema.fromJsonString(Forecast.Forecast)
    const text = Schema.encodeSync(json)(forecast)
    assert.deepStrictEqual(Schema.encodeSync(json)(Schema.decodeSync(json)(text)), text)
  })
})

const Seconds = between(0, 100_000)

describe("the replicas for a deadline", () => {
  it.prop(
    "are the fewest that meet it",
    { boot: Seconds, work: between(1, 1e7), tail: Seconds, deadline: between(1, 200_000) },
    ({ boot, deadline, tail, work }) => {
      const load = { boot: exactly(boot), work: exactly(work), tail: exactly(tail) }
      const { likely, surely } = Bill.replicasFor(load, deadline)
      const meets = (replicas: number, end: "expected" | "high") =>
        replicas >= 1 && Bill.secondsOf(load, replicas)[end] <= deadline
      for (const [replicas, end] of [
        [likely, "expected"],
        [surely, "high"]
      ] as const) {
        if (replicas === undefined) assert.isFalse(meets(1e9, end))
        else {
          assert.isTrue(meets(replicas, end))
          assert.isFalse(meets(replicas - 1, end))
        }
      }
    }
  )
})

describe("answers that are not written yet", () => {
  it("have no tokens where nothing is written", () => {
    assert.deepStrictEqual(Forecast.assume({ writes: false }).outputTokens, exactly(0))
  })

  it("are as long as earlier ones, and more surely so the more there were", () => {
    const few = Forecast.assume({ writes: true, answers: { mean: 200, count: 10 } }).outputTokens
    const many = Forecast.assume({ writes: true, answers: { mean: 200, count: 1000 } }).outputTokens
    assert.strictEqual(few.expected, 200)
    assert.isBelow(many.high, few.high)
    assert.isAbove(many.low, few.low)
  })

  it("are never longer than what the requests allow", () => {
    const { longest, outputTokens } = Forecast.assume({ writes: true, allowed: { mean: 100, most: 120 } })
    assert.strictEqual(outputTokens.high, 100)
    assert.strictEqual(longest, 120)
    const known = Forecast.assume({
      writes: true,
      answers: { mean: 90, count: 4 },
      allowed: { mean: 100, most: 100 }
    })
    assert.strictEqual(known.outputTokens.high, 100)
  })

  it("are said to be assumed where nothing is known", () => {
    const { because, outputTokens } = Forecast.assume({ writes: true })
    assert.include(because, "assumed")
    assert.isAtLeast(outputTokens.high / outputTokens.low, 10)
  })
})

describe("tokens of a text", () => {
  // Nine words and a full stop: vocabularies of English have a piece for each.
  it("are within a third of one a word for English prose", () => {
    const tokens = Forecast.tokensOfText("The quick brown fox jumps over the lazy dog.")
    assert.isAtLeast(tokens, 8)
    assert.isAtMost(tokens, 13)
  })

  it("are more for the same number of ideographs, digits or marks than of letters", () => {
    const letters = Forecast.tokensOfText("abcdefgh".repeat(10))
    for (const text of ["汉字仮名交", "12345", "{}[];", "привет"]) {
      assert.isAbove(Forecast.tokensOfText(text.repeat(80 / text.length)), letters * 0.99, text)
    }
  })

  it("of a row are those of its text, not of its JSON nor of a picture in it", () => {
    const text = "a few words about the sea"
    const plain = Forecast.tokensOfRow({ id: "1", input: text })
    assert.strictEqual(plain.input, Forecast.tokensOfText(text))
    const picture = { type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(10_000)}` } }
    const chat = Forecast.tokensOfRow({
      custom_id: "1",
      body: { max_tokens: 99, messages: [{ role: "user", content: [{ type: "text", text }, picture] }] }
    })
    assert.isAbove(chat.input, plain.input)
    assert.isBelow(chat.input, plain.input + 20)
    assert.strictEqual(chat.maxOutput, 99)
  })
})
