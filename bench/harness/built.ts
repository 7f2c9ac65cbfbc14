/** Our packages as they are published: without it a program of a bench runs their TypeScript, and Node's compiler with it. */
import { Effect } from "effect"
import { ChildProcess } from "effect/process"

const root = `${import.meta.dirname}/../..`

// Plain JavaScript for each process to begin with: what would have to be stripped of types would bring what it is to avoid.
const hook = `
import { registerHooks } from "node:module"
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context)
    const [, folder, path] = /^(.*\\/packages\\/(?:core|batch|cli|emulator)\\/)src\\/(.*)\\.ts$/.exec(found.url) ?? []
    return path === undefined ? found : { ...found, url: folder + "dist/" + path + ".js", format: "module" }
  }
})`

/** Builds the packages, and gives the flags of Node with which a program takes them. */
export const flags = Effect.gen(function* () {
  const { exitCode } = yield* ChildProcess.make(
    process.execPath,
    [`${root}/node_modules/typescript/bin/tsc`, "-b", root],
    { stdout: "ignore", stderr: "inherit" }
  )
  if ((yield* exitCode) !== 0) return yield* Effect.die("the packages do not build")
  return ["--import", `data:text/javascript,${encodeURIComponent(hook)}`]
}).pipe(Effect.scoped)
