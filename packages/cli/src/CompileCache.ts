/**
 * Modules stay compiled from one start to the next: half of what it takes to say `--help` goes into compiling.
 *
 * They are kept in a folder that is the user's own: whoever can write there decides what the command does. So not where Node
 * would keep them by itself, in the folder for everybody's temporary files.
 */
import NodeFs from "node:fs"
import NodeModule from "node:module"
import NodeOs from "node:os"
import NodePath from "node:path"
import NodeProcess from "node:process"

/** What the environment says of folders. Read here as it is: to load what reads it elsewhere is what is to be saved. */
type Environment = Readonly<Record<string, string | undefined>>

/**
 * The folder: beneath `XDG_CACHE_HOME`, else where the system has such things beneath HOME. None where there is no home. Node's
 * own variables go before it: `NODE_COMPILE_CACHE` names another folder, `NODE_DISABLE_COMPILE_CACHE=1` leaves it off.
 */
export const folder = (
  env: Environment,
  {
    exists,
    home,
    platform
  }: {
    readonly home: string
    readonly platform: NodeJS.Platform
    readonly exists: (path: string) => boolean
  }
): string | undefined => {
  const given = platform === "win32" ? env["LOCALAPPDATA"] : env["XDG_CACHE_HOME"]
  if (given !== undefined && NodePath.isAbsolute(given)) return NodePath.join(given, "stint", "compiled")
  if (!NodePath.isAbsolute(home) || !exists(home)) return undefined
  const caches = platform === "darwin" ? ["Library", "Caches"] : [".cache"]
  return NodePath.join(home, ...caches, "stint", "compiled")
}

/** Keeps modules from here on; where the folder cannot be written all is as without. */
export const enable = (): void => {
  const directory = folder(NodeProcess.env, {
    home: NodeOs.homedir(),
    platform: NodeProcess.platform,
    exists: NodeFs.existsSync
  })
  if (directory !== undefined) NodeModule.enableCompileCache(directory)
}
