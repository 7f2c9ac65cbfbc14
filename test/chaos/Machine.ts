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
}) => {
  const { disk, serve, simulation } = options
  const inWorld = Effect.runForkWith(options.world.context)
  let processes = 0

  const start = <A, E>(program: Effect.Effect<A, E, Ports>, watch: Watch): Process<A, E> => {
    const id = processes++
    const domain = simulation.domain()
    const connections = new Set<Fiber.Fiber<unknown>>()

    const end = () => {
      domain.kill()
      for (const connection of connections) connection.interruptUnsafe()
    }
    const kill = () => {
      if (!domain.isAlive()) return
      end()
      disk.crash(Dice.named(options.seed, `crash ${id}`))
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
          const error = new HttpClientError.TransportError({ request, description: "socket hang up" })
          resume(
            answer === undefined
              ? Effect.fail(new HttpClientError.HttpClientError({ reason: error }))
              : Effect.succeed(responseOf(request, answer))
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

    const fs = disk.mount({
      isAlive: domain.isAlive,
      onCall: (call, path) => watch.onDisk?.(call, path),
      syncMillis: watch.syncMillis
    })
    const context = domain.context.pipe(
      Context.add(FileSystem.FileSystem, fs),
      Context.add(CurrentPort, port)
    )
    const fiber = Effect.runForkWith(context)(
      program.pipe(Effect.provide(Path.layer), Random.withSeed(`${options.seed} ${id}`))
    )
    return {
      id,
      startedAt: simulation.now(),
      isAlive: domain.isAlive,
      kill,
      end,
      interrupt: () => fiber.interruptUnsafe(),
      exit: () => fiber.pollUnsafe(),
      domain
    }
  }

  return { start, inWorld }
}
