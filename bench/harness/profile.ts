/** Where the time of a process goes, by whose code runs: from what `node --cpu-prof` writes. */
import { Schema } from "effect"

export const Profile = Schema.Struct({
  nodes: Schema.Array(
    Schema.Struct({
      id: Schema.Int,
      callFrame: Schema.Struct({ functionName: Schema.String, url: Schema.String }),
      children: Schema.optionalKey(Schema.Array(Schema.Int))
    })
  ),
  samples: Schema.Array(Schema.Int),
  timeDeltas: Schema.Array(Schema.Finite)
})

export type Profile = typeof Profile.Type

export const ProfileText = Schema.fromJsonString(Profile)

/** What is not part of the work: nothing to do, and the loading of modules. */
const isOutside = (url: string, name: string) =>
  name === "(idle)" || /node:internal\/modules|amaro|node:internal\/bootstrap/.test(url)

const groupOf = (url: string, name: string): string => {
  const ours = /packages\/(\w+)\/src\/(.+)$/.exec(url)
  if (ours !== null) return `${ours[1]}/${ours[2]}`
  if (/node_modules\/.*\/undici\//.test(url)) return "undici"
  if (/node_modules\/.*\/effect\//.test(url)) return "effect"
  if (name === "(garbage collector)") return "garbage collection"
  // Native code has no address: sockets and files above all.
  return url === ""
    ? name === "" || name.startsWith("(")
      ? "the engine of JavaScript"
      : `native ${name}`
    : "Node and the bench"
}

/** Microseconds of each group, the most first; what runs for its callers counts as itself. */
export const groups = ({
  nodes,
  samples,
  timeDeltas
}: Profile): ReadonlyArray<readonly [group: string, micros: number]> => {
  const parents = new Map<number, number>()
  const named = new Map<
    number,
    { readonly group: string; readonly isNode: boolean; readonly isOutside: boolean }
  >()
  for (const { callFrame, children = [], id } of nodes) {
    const { functionName, url } = callFrame
    const isNode = url === "" || url.startsWith("node:")
    named.set(id, { group: groupOf(url, functionName), isNode, isOutside: isOutside(url, functionName) })
    for (const child of children) parents.set(child, id)
  }
  /** Loading counts for all that it calls in Node, not for the module's own code. */
  const isLoading = (from: number) => {
    for (let id: number | undefined = from; id !== undefined; id = parents.get(id)) {
      const node = named.get(id)
      if (node === undefined || !node.isNode) return false
      if (node.isOutside) return true
    }
    return false
  }
  const sums = new Map<string, number>()
  samples.forEach((id, nth) => {
    const group = named.get(id)?.group
    if (group === undefined || isLoading(id)) return
    sums.set(group, (sums.get(group) ?? 0) + (timeDeltas[nth] ?? 0))
  })
  return [...sums].toSorted((a, b) => b[1] - a[1])
}
