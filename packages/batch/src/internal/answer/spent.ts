/**
 * What outputs have cost, known for as long as somebody holds them.
 */
import type { Usage } from "../../Job.ts"

/** Keeps what was counted beside the outputs themselves; a text or a number is nobody's key, and is not kept. */
export const make = () => {
  const spent = new WeakMap<WeakKey, Usage>()
  const isKey = (output: unknown): output is WeakKey => typeof output === "object" && output !== null
  return {
    note: <Out>(output: Out, usage: Usage): Out => {
      if (isKey(output)) spent.set(output, usage)
      return output
    },
    of: (output: unknown): Usage | undefined => (isKey(output) ? spent.get(output) : undefined)
  }
}
