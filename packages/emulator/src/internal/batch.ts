/**
 * The arithmetic of continuous batching, without a clock: who is let in, how many steps go by before that
 * changes, and what they leave behind.
 *
 * Between two changes every step takes the same time, so any number of them is one multiplication. A sequence
 * is not touched in a step: what it has follows from the step it was let in at.
 */

/** What a GPU is like, in milliseconds and tokens. */
export interface Gpu {
  readonly step: number
  readonly perSequence: number
  readonly perPromptToken: number
  readonly cacheTokens: number
  readonly maxSequences: number
  readonly maxStepTokens: number
}

/** When what happened to a sequence. */
export interface Served {
  readonly arrived: number
  readonly firstToken: number
  readonly finished: number
  readonly preemptions: number
}

/** A request on its way through the batch. */
export interface Sequence {
  readonly promptTokens: number
  readonly outputTokens: number
  readonly arrived: number
  readonly onTokens: ((count: number) => void) | undefined
  readonly onFinished: (served: Served) => void
  /** Tokens generated before it was last let in. */
  generatedBefore: number
  /** The number of steps that were done when it was last let in. */
  enteredAt: number
  firstToken: number
  preemptions: number
}

/** Makes a sequence that has not been let in. */
export const sequence = (
  work: Pick<Sequence, "promptTokens" | "outputTokens" | "arrived" | "onTokens" | "onFinished">
): Sequence => ({ ...work, generatedBefore: 0, enteredAt: 0, firstToken: -1, preemptions: 0 })

/** Makes an empty batch. */
export const make = (gpu: Gpu) => {
  const waiting: Array<Sequence> = []
  // In the order in which they were let in.
  let running: Array<Sequence> = []
  let stepsDone = 0
  let used = 0
  /** Tokens of prompts that the next step reads. */
  let reading = 0
  let watched = 0
  /** How many were let in for the next step. */
  let entered = 0
  let preemptions = 0
  let promptTokens = 0
  let outputTokens = 0
  let since = 0
  const spare = Math.floor(gpu.cacheTokens / 100)

  const generated = (sequence: Sequence) => sequence.generatedBefore + stepsDone - sequence.enteredAt
  const held = (sequence: Sequence) => sequence.promptTokens + generated(sequence)

  const evict = () => {
    const last = running.pop()
    if (last === undefined) return
    used -= held(last)
    last.generatedBefore = generated(last)
    last.preemptions += 1
    preemptions += 1
    if (last.onTokens !== undefined) watched -= 1
    waiting.unshift(last)
  }

  const admit = () => {
    while (waiting.length > 0 && running.length < gpu.maxSequences) {
      const next = waiting[0]!
      const tokens = next.promptTokens + next.generatedBefore
      const isAlone = running.length === 0
      // Each that runs needs memory for the token that it is about to get.
      const room = gpu.cacheTokens - used - running.length - 1 - (isAlone ? 0 : spare)
      if (tokens > room || (reading > 0 && reading + tokens > gpu.maxStepTokens)) return
      waiting.shift()
      next.enteredAt = stepsDone
      running.push(next)
      entered += 1
      used += tokens
      reading += tokens
      if (next.onTokens !== undefined) watched += 1
    }
  }

  const stepMillis = () => gpu.step + gpu.perSequence * running.length + gpu.perPromptToken * reading

  return {
    /** Takes a sequence in line; whether the line was empty, so that it may be let in at once. */
    add: (sequence: Sequence): boolean => {
      waiting.push(sequence)
      return waiting.length === 1
    },

    /** Forgets a sequence; whether that made room. */
    remove: (sequence: Sequence): boolean => {
      const at = waiting.indexOf(sequence)
      if (at !== -1) {
        waiting.splice(at, 1)
        return at === 0
      }
      const place = running.indexOf(sequence)
      if (place === -1) return false
      running.splice(place, 1)
      used -= held(sequence)
      if (sequence.onTokens !== undefined) watched -= 1
      return true
    },

    /** Makes memory for the next step and lets in who fits; whether there is anything to do. */
    prepare: (now: number): boolean => {
      since = now
      entered = 0
      let isTight = false
      while (running.length > 1 && used + running.length > gpu.cacheTokens) {
        evict()
        isTight = true
      }
      // Who has just lost its memory does not get it back in the same step.
      if (!isTight) admit()
      promptTokens += reading
      return running.length > 0
    },

    /** How many steps are alike from here on, and what each takes. */
    plan: (): { readonly steps: number; readonly millis: number } => {
      const millis = stepMillis()
      // Whoever is watched is told of every token, and a first token has a time of its own.
      if (watched > 0 || entered > 0) return { steps: 1, millis }
      let steps = Infinity
      for (const sequence of running) steps = Math.min(steps, sequence.outputTokens - generated(sequence))
      if (running.length > 1) steps = Math.min(steps, Math.floor((gpu.cacheTokens - used) / running.length))
      return { steps: Math.max(1, steps), millis }
    },

    /** Does steps, which ended now. */
    advance: (steps: number, now: number): void => {
      stepsDone += steps
      used += steps * running.length
      outputTokens += steps * running.length
      reading = 0
      const before = running
      const ended: Array<Sequence> = []
      running = []
      for (const sequence of before) {
        if (sequence.firstToken < 0) sequence.firstToken = now
        if (generated(sequence) < sequence.outputTokens) {
          running.push(sequence)
          continue
        }
        used -= held(sequence)
        if (sequence.onTokens !== undefined) watched -= 1
        ended.push(sequence)
      }
      // Whoever is told may take others away at once.
      for (const { onTokens } of before) onTokens?.(steps)
      for (const { arrived, firstToken, onFinished, preemptions } of ended) {
        onFinished({ arrived, firstToken, finished: now, preemptions })
      }
    },

    /** How busy it is, the steps under way counted as far as they are. */
    load: (now: number) => {
      const passed = running.length === 0 ? 0 : Math.max(0, Math.floor((now - since) / stepMillis()))
      return {
        running: running.length,
        waiting: waiting.length,
        cacheUsage: Math.min(1, (used + passed * running.length) / gpu.cacheTokens),
        preemptions
      }
    },

    totals: () => ({ steps: stepsDone, promptTokens, outputTokens, preemptions })
  }
}
