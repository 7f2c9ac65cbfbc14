/**
 * A machine on which processes run that may be killed at any moment, and the network between it and the emulator.
 *
 * A process is a domain of a simulation: killed, none of its fibers goes on. Its ports are closed with it: requests that
 * were under way are hung up on, and the disk keeps what the dice leave of the bytes that were not synced. The server's
 * side of each request is a fiber of the world, which goes on.
 */
import { Context, Effect, type Exit, type Fiber, FileSystem, Path, Random, Stream } from "effect"
import {
  HttpBody,
  HttpClient,
  HttpClientError,
  type HttpClientRequest,
  type HttpClientResponse,
  HttpServerResponse
} from "effect/http"
import * as Dice from "./Dice.ts"
import type * as Disk from "./Disk.ts"
import * as Guardian from "./Guardian.ts"
import * as Host from "./Host.ts"
import type * as Simulation from "./Simulation.ts"

/** A whole answer, or what came of it before the line broke. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Uint8Array
  readonly isCut: boolean
}

/** Answers requests, on the world's side. `undefined`: the line broke before an answer. */
export type Serve = (
  request: HttpClientRequest.HttpClientRequest,
  call: Call
) => Effect.Effect<Answer | undefined>

/** One request of a process, as the network sees it. */
export interface Call {
  readonly process: number
  readonly method: string
  readonly url: URL
  readonly body: string
  readonly sentAt: number
  /** When its answer, or the end of it, reached the process. */
  endedAt: number | undefined
  answer: Answer | "broken" | "hung up" | undefined
}

export interface Process<A, E> {
  readonly id: number
  readonly startedAt: number
  readonly isAlive: () => boolean
  /** Its end by force. The disk keeps everything but where each end is the machine's. */
  readonly kill: () => void
  /** What is left of it goes, once its program is over; the disk keeps everything. */
  readonly end: () => void
  /** Asks it to end: it may clean up. */
  readonly interrupt: () => void
  readonly exit: () => Exit.Exit<A, E> | undefined
  readonly domain: Simulation.Domain
}

export interface Watch {
  readonly onCall?: ((call: Call) => void) | undefined
  /** The answer arrived, or the line broke, or the process hung up. */
  readonly onEnd?: ((call: Call) => void) | undefined
  readonly onDisk?: Disk.Mounted["onCall"] | undefined
  readonly syncMillis: () => number
}

export type Ports = FileSystem.FileSystem | Path.Path

type Port = (
  request: HttpClientRequest.HttpClientRequest,
  url: URL
) => Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>

/** The way out of the process that a fiber belongs to. */
const CurrentPort = Context.Reference<Port>("test/chaos/Machine/CurrentPort", {
  defaultValue: () => () => Effect.die("no process")
})

/** A client that goes out by the port of whatever process uses it: what is built on it is built once for all of them. */
export const client = HttpClient.make((request, url) =>
  Effect.flatMap(CurrentPort, (port) => port(request, url))
)

const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest) =>
  body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : ""

const hangUp = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.fail(
    new HttpClientError.HttpClientError({
      reason: new HttpClientError.TransportError({ request, description: "socket hang up" })
    })
  )

const responseOf = (
  request: HttpClientRequest.HttpClientRequest,
  answer: Answer
): HttpClientResponse.HttpClientResponse => {
  const { bytes, headers, isCut, status } = answer
  const whole = HttpServerResponse.uint8Array(bytes, { status, headers })
  const response = isCut
    ? HttpServerResponse.setBody(
        whole,
        HttpBody.stream(Stream.concat(Stream.make(bytes), Stream.fail(new Error("terminated"))))
      )
    : whole
  return HttpServerResponse.toClientResponse(response, { request })
}

export const make = (options: {
  readonly simulation: Simulation.Simulation
  readonly disk: Disk.Disk
  /** The domain of the world, which outlives every process. */
  readonly world: Simulation.Domain
  readonly serve: Serve
  readonly seed: number
  /** Whether the end of a process is that of the whole machine. */
  readonly isAlone: boolean
  readonly guardians: Guardian.Watch
  /** Sees every request that leaves. */
  readonly onRequest: (request: HttpClientRequest.HttpClientRequest, url: URL) => void
}) => {
  const { disk, serve, simulation } = options
  const runInWorld = Effect.runForkWith(options.world.context)
  const inWorld = <A, E>(effect: Effect.Effect<A, E>) => Host.within(undefined, () => runInWorld(effect))
  const dice = Dice.named(options.seed, "machine")
  let processes = 0
  let guardians = 0
  let crashes = 0
  let uuids = 0
  let starts = 0
  /** Every process by its number. */
  const table = new Map<number, { readonly startedAt: string; readonly isAlive: () => boolean }>()
  const living = new Set<{ readonly end: () => void }>()

  /** A number that nobody has; now and then one that somebody had. */
  const enter = (isAlive: () => boolean): number => {
    const free = [...table].find(([, { isAlive }]) => !isAlive())
    const pid = free !== undefined && dice.chance(0.2) ? free[0] : 1000 + starts
    table.set(pid, { startedAt: String(++starts), isAlive })
    return pid
  }
  const startedAt = (pid: number) => {
    const found = table.get(pid)
    return found?.isAlive() === true ? found.startedAt : undefined
  }
  const uuid = () => `${options.seed}-${++uuids}`

  const powerOff = () => {
    for (const one of living) one.end()
    living.clear()
    disk.crash(Dice.named(options.seed, `crash ${crashes++}`))
  }

  const start = <A, E>(program: Effect.Effect<A, E, Ports>, watch: Watch): Process<A, E> => {
    const id = processes++
    const domain = simulation.domain()
    const connections = new Set<Fiber.Fiber<unknown>>()
    const own = new Set<Guardian.Guardian>()

    const end = () => {
      if (!domain.isAlive()) return
      domain.kill()
      living.delete(self)
      for (const connection of connections) Host.within(undefined, () => connection.interruptUnsafe())
      for (const guardian of own) guardian.cut()
    }
    const kill = () => {
      if (!domain.isAlive()) return
      if (options.isAlone) powerOff()
      else end()
    }
    const self = { end }
    living.add(self)
    const inSelf = <A>(step: () => A) => Host.within(domain.os, step)
    const mounted: Disk.Mounted = {
      isAlive: domain.isAlive,
      onCall: (call, path) => watch.onDisk?.(call, path),
      syncMillis: watch.syncMillis
    }
    const refuse = () => {
      throw new Error("only a guardian does this")
    }
    const spawn = (argv: ReadonlyArray<string>, env: object) => {
      let isAlive = () => true
      const pid = enter(() => isAlive())
      const { child, guardian } = Guardian.spawn(
        {
          simulation,
          pid,
          nth: guardians++,
          parent: id,
          inParent: (step) => {
            if (domain.isAlive()) inSelf(step)
          },
          mount: (isAlive) => disk.sync({ isAlive, onCall: () => undefined, syncMillis: watch.syncMillis }),
          startedAt,
          serve,
          inWorld,
          uuid,
          watch: options.guardians,
          onRequest: options.onRequest
        },
        argv,
        env
      )
      isAlive = guardian.isAlive
      own.add(guardian)
      living.add({ end: guardian.kill })
      return child
    }
    domain.os = {
      pid: enter(domain.isAlive),
      now: simulation.now,
      disk: disk.sync(mounted),
      startedAt,
      spawn,
      request: refuse,
      sleep: refuse,
      abortAfter: refuse,
      uuid
    }

    const port: Port = (request, url) =>
      Effect.callback<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>((resume) => {
        if (!domain.isAlive()) return
        const call: Call = {
          process: id,
          method: request.method,
          url,
          body: bodyOf(request),
          sentAt: simulation.now(),
          endedAt: undefined,
          answer: undefined
        }
        options.onRequest(request, url)
        watch.onCall?.(call)
        if (!domain.isAlive()) return
        const connection = inWorld(serve(request, call))
        connections.add(connection)
        connection.addObserver((exit) => {
          connections.delete(connection)
          if (!domain.isAlive() || call.answer !== undefined) return
          const answer = exit._tag === "Success" ? exit.value : undefined
          call.endedAt = simulation.now()
          call.answer = answer ?? "broken"
          watch.onEnd?.(call)
          if (!domain.isAlive()) return
          inSelf(() =>
            resume(answer === undefined ? hangUp(request) : Effect.succeed(responseOf(request, answer)))
          )
        })
        return Effect.sync(() => {
          if (call.answer !== undefined) return
          call.answer = "hung up"
          call.endedAt = simulation.now()
          connection.interruptUnsafe()
          watch.onEnd?.(call)
        })
      })

    const fs = disk.mount(mounted)
    const context = domain.context.pipe(
      Context.add(FileSystem.FileSystem, fs),
      Context.add(CurrentPort, port)
    )
    const fiber = inSelf(() =>
      Effect.runForkWith(context)(
        program.pipe(Effect.provide(Path.layer), Random.withSeed(`${options.seed} ${id}`))
      )
    )
    return {
      id,
      startedAt: simulation.now(),
      isAlive: domain.isAlive,
      kill,
      end,
      interrupt: () => inSelf(() => fiber.interruptUnsafe()),
      exit: () => fiber.pollUnsafe(),
      domain
    }
  }

  return { start, inWorld, powerOff }
}
