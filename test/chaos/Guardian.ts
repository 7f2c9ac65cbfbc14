/**
 * A guardian as a process of the simulation: its pipe and its requests are simulated, what it does when its run is gone is the
 * real program's `release`, in its real fence.
 *
 * It says that it is up after a while, learns of the end of its pipe after another, and may be killed like any process.
 */
import { EventEmitter } from "node:events"
import { type Fiber, Effect } from "effect"
import { HttpClientRequest } from "effect/http"
import * as Order from "../../packages/batch/src/node/guardian/order.ts"
import { release } from "../../packages/batch/src/node/guardian/release.ts"
import type * as Disk from "./Disk.ts"
import * as Host from "./Host.ts"
import type { Call, Serve } from "./Machine.ts"
import type * as Simulation from "./Simulation.ts"

export interface Guardian {
  readonly nth: number
  /** The process that it guards. */
  readonly parent: number
  readonly isAlive: () => boolean
  /** Whether it releases now. */
  readonly isActing: () => boolean
  readonly kill: () => void
  /** The other end of its pipe is closed. */
  readonly cut: () => void
}

/** What the schedule has for a guardian. */
export interface Fate {
  /** After so many milliseconds it is up; `undefined`: it ends before that. */
  readonly upAfter: number | undefined
  /** So many milliseconds after its run it knows. */
  readonly noticesAfter: number
}

export interface Watch {
  readonly fate: (nth: number) => Fate
  readonly onStart: (guardian: Guardian, argv: ReadonlyArray<string>, env: object) => void
  /** It begins to release. */
  readonly onActing: (guardian: Guardian) => void
  readonly onOver: (guardian: Guardian) => void
  readonly onCall: (guardian: Guardian, call: Call) => void
  readonly onEnd: (guardian: Guardian, call: Call) => void
}

/** What the machine gives it. */
export interface Place {
  readonly simulation: Simulation.Simulation
  readonly pid: number
  readonly nth: number
  readonly parent: number
  /** Does something in the parent, if it lives. */
  readonly inParent: (step: () => void) => void
  readonly mount: (isAlive: () => boolean) => Disk.Sync
  readonly startedAt: (pid: number) => string | undefined
  readonly serve: Serve
  readonly inWorld: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  readonly uuid: () => string
  readonly watch: Watch
  readonly onRequest: (request: HttpClientRequest.HttpClientRequest, url: URL) => void
}

const never = new Promise<void>(() => undefined)

const member = (object: object, name: string): unknown => Reflect.get(object, name)

const headersOf = (settings: object): Readonly<Record<string, string>> => {
  const headers = member(settings, "headers")
  return typeof headers === "object" && headers !== null
    ? Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
    : {}
}

/** Starts one; answers with what its parent holds of it. */
export const spawn = (place: Place, argv: ReadonlyArray<string>, env: object) => {
  const { inParent, inWorld, nth, simulation, watch } = place
  const domain = simulation.domain()
  const fate = watch.fate(nth)
  const connections = new Set<Fiber.Fiber<unknown>>()
  const inDomain = Effect.runForkWith(domain.context)
  let isBusy = false
  let isActing = false
  let order: Order.Order | undefined

  const after = (millis: number, step: () => void) =>
    inDomain(Effect.andThen(Effect.sleep(millis), Effect.sync(step)))
  const soon = (millis: number, step: () => void) =>
    inWorld(Effect.andThen(Effect.sleep(millis), Effect.sync(step)))
  /** It waits for something: time may go on. */
  const park = () => {
    if (!isBusy) return
    isBusy = false
    simulation.letGo()
  }
  const unpark = () => {
    if (isBusy || !domain.isAlive()) return
    isBusy = true
    simulation.hold()
  }

  const child = Object.assign(new EventEmitter(), {
    exitCode: null as number | null,
    signalCode: null as string | null,
    unref: () => undefined,
    kill: () => {
      kill()
    },
    stdout: Object.assign(new EventEmitter(), { setEncoding: () => child.stdout, destroy: () => undefined }),
    stderr: Object.assign(new EventEmitter(), { setEncoding: () => child.stderr, destroy: () => undefined }),
    stdin: Object.assign(new EventEmitter(), { write: (line: string) => hear(line), unref: () => undefined })
  })

  const die = (code: number | null) => {
    if (!domain.isAlive()) return
    domain.kill()
    park()
    isActing = false
    for (const connection of connections) connection.interruptUnsafe()
    watch.onOver(self)
    soon(1, () => {
      child.exitCode = code
      if (code === null) child.signalCode = "SIGKILL"
      inParent(() => child.emit("exit", code, child.signalCode))
    })
  }
  const kill = () => die(null)

  const act = (why: string) => {
    if (!domain.isAlive() || isActing) return
    const given = order
    if (given === undefined) return die(0)
    isActing = true
    watch.onActing(self)
    unpark()
    const over = () => die(0)
    void Host.program(os, () => release(given, why)).then(over, over)
  }
  const hear = (line: string) => {
    const text = line.trim()
    if (order === undefined) {
      order = Order.parse(text)
      const { upAfter } = fate
      if (upAfter === undefined) after(5, () => die(1))
      else after(upAfter, () => inParent(() => child.stdout.emit("data", `${Order.up}\n`)))
    } else if (text === Order.done) after(1, () => (isActing ? undefined : die(0)))
    else if (text === Order.unconfirmed) after(1, () => act("the run gave its release up"))
    else order = Order.after(order, text)
  }

  const request = (url: URL, settings: object, onResponse: (response: unknown) => void) => {
    const sent = new EventEmitter()
    const signal = member(settings, "signal")
    const end = (body: unknown) => {
      if (!domain.isAlive()) return
      const method = member(settings, "method")
      const text = typeof body === "string" ? body : ""
      const verb = method === "POST" || method === "PUT" || method === "DELETE" ? method : ("GET" as const)
      const bare = HttpClientRequest.make(verb)(url, { headers: headersOf(settings) })
      const request = text === "" ? bare : HttpClientRequest.bodyText(bare, text, "application/json")
      const call: Call = {
        process: -1 - nth,
        method: verb,
        url,
        body: text,
        sentAt: simulation.now(),
        endedAt: undefined,
        answer: undefined
      }
      place.onRequest(request, url)
      watch.onCall(self, call)
      if (!domain.isAlive()) return
      park()
      const finish = (answer: Call["answer"], tell: () => void) => {
        if (call.answer !== undefined || !domain.isAlive()) return
        call.answer = answer
        call.endedAt = simulation.now()
        watch.onEnd(self, call)
        if (!domain.isAlive()) return
        unpark()
        timeout?.interruptUnsafe()
        timeout = undefined
        tell()
      }
      const broken = () => sent.emit("error", new Error("socket hang up"))
      const connection = inWorld(place.serve(request, call))
      connections.add(connection)
      connection.addObserver((exit) => {
        connections.delete(connection)
        const answer = exit._tag === "Success" ? exit.value : undefined
        if (answer === undefined) return finish("broken", broken)
        finish(answer, () => {
          const response = Object.assign(new EventEmitter(), {
            statusCode: answer.status,
            headers: answer.headers,
            setEncoding: () => undefined
          })
          onResponse(response)
          response.emit("data", new TextDecoder().decode(answer.bytes))
          if (answer.isCut) response.emit("error", new Error("aborted"))
          else response.emit("end")
        })
      })
      if (signal instanceof AbortSignal)
        signal.addEventListener("abort", () => {
          finish("hung up", broken)
          connection.interruptUnsafe()
        })
    }
    return Object.assign(sent, { end, destroy: () => undefined })
  }

  /** The bound of the call that is under way: of no use once it is over. */
  let timeout: Fiber.Fiber<unknown> | undefined
  const os: Host.Os = {
    pid: place.pid,
    now: simulation.now,
    disk: place.mount(domain.isAlive),
    startedAt: place.startedAt,
    spawn: () => {
      throw new Error("a guardian starts nothing")
    },
    request,
    sleep: (millis) =>
      domain.isAlive()
        ? new Promise((resolve) => {
            park()
            after(millis, () => {
              unpark()
              resolve()
            })
          })
        : never,
    abortAfter: (millis) => {
      const controller = new AbortController()
      timeout = after(millis, () => controller.abort())
      return controller.signal
    },
    uuid: place.uuid
  }

  const self: Guardian = {
    nth,
    parent: place.parent,
    isAlive: domain.isAlive,
    isActing: () => isActing,
    kill,
    cut: () => {
      if (!domain.isAlive()) return
      after(fate.noticesAfter, () => act("the run is gone"))
    }
  }
  watch.onStart(self, argv, env)
  return { guardian: self, child }
}
