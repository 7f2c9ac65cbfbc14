/**
 * Which columns of a Parquet file are read, and as what.
 */
import type { SchemaElement, SchemaTree } from "hyparquet"
import { missingColumn } from "../../internal/input/csvFile.ts"
import { asRead, converter, problemOf } from "./columnValues.ts"

/** A column that is read. */
export interface Column {
  readonly name: string
  readonly convert: (value: unknown) => unknown
}

/** The columns that are read, and the file's schema as its reader should take it. */
export interface Selection {
  readonly columns: ReadonlyArray<Column>
  readonly names: ReadonlySet<string>
  readonly schema: Array<SchemaElement>
}

interface Wanted {
  readonly wanted?: ReadonlyArray<string> | undefined
  readonly optional?: ReadonlyArray<string> | undefined
  readonly binary?: "bytes" | "text" | undefined
}

/** Of `a.b` this is the column `a`, unless there is one of that very name. */
const columnOf = (names: ReadonlyArray<string>, wanted: string): string => {
  const [column = wanted] = wanted.split(".")
  return names.includes(wanted) ? wanted : column
}

/** The columns of a file that are wanted, or why they cannot be had. */
export const select = (
  schema: ReadonlyArray<SchemaElement>,
  tree: SchemaTree,
  { wanted, optional = [], binary = "bytes" }: Wanted
): Selection | string => {
  const names = tree.children.map(({ element }) => element.name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) return `has two columns named ${twice}`
  const needed = wanted?.map((name) => columnOf(names, name))
  const missing = missingColumn(needed ?? [], names)
  if (missing !== undefined) return missing
  const taken = needed === undefined ? undefined : new Set([...needed, ...optional])
  const nodes = tree.children.filter(({ element }) => taken === undefined || taken.has(element.name))
  for (const node of nodes) {
    const problem = problemOf(node)
    if (problem === undefined) continue
    const way =
      taken === undefined ? "name the columns that you need, without it" : "convert the column first"
    return `has column ${node.element.name} of type ${problem}, which cannot be read here: ${way}`
  }
  const columns = nodes.map((node) => ({ name: node.element.name, convert: converter(node, binary) }))
  return { columns, names: new Set(columns.map(({ name }) => name)), schema: schema.map(asRead) }
}
