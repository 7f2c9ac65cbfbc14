/**
 * Which columns a plain row is made of.
 */
import * as Template from "../../Template.ts"
import { BadRecord, type Entry, type Format } from "./records.ts"

/** Where the id and the input of a row come from. */
export interface Mapping {
  /** The column of the ids. Default: `id`. */
  readonly id?: string | undefined
  /**
   * Whether the row's number is its id: the line for lines of JSON, else the row, counted from 1 without the header. Such
   * ids are good as long as no row is put in or taken out. Default: false.
   */
  readonly idFromRow?: boolean | undefined
  /** The column of the inputs. Default: `input`. */
  readonly input?: string | undefined
  /** The text to send, made of columns; instead of `input`. */
  readonly template?: Template.Template | undefined
}

const ID = "id"
const INPUT = "input"

/** Whether something other than the plain columns is asked for. */
const isPlain = ({ id, idFromRow, input, template }: Mapping) =>
  (id ?? ID) === ID && idFromRow !== true && (input ?? INPUT) === INPUT && template === undefined

/** The columns that a row takes: what a table must have. Of `a.b` this is `a`, unless there is a column of that name. */
export const columnsOf = (mapping: Mapping): ReadonlyArray<string> => {
  const inputs = mapping.template?.columns ?? [mapping.input ?? INPUT]
  const ids = mapping.idFromRow === true ? [] : [mapping.id ?? ID]
  return [...new Set([...ids, ...inputs])]
}

/** The name that a field of a row has in the file. */
const rename = (mapping: Mapping) => (field: string) => {
  const [, name = "", rest = ""] = /^(\w+)(.*)$/s.exec(field) ?? []
  if (name === ID) return `${mapping.id ?? ID}${rest}`
  return name === INPUT ? `${mapping.input ?? INPUT}${rest}` : field
}

const rowNumber = (record: Entry) =>
  "row" in record && typeof record.row === "number" ? record.row : record.number

const mapped = (mapping: Mapping, value: unknown, record: Entry): unknown => {
  const id =
    mapping.idFromRow === true ? String(rowNumber(record)) : Template.valueAt(value, mapping.id ?? ID)
  const { template } = mapping
  if (template === undefined) {
    const input = Template.valueAt(value, mapping.input ?? INPUT)
    return { ...(id === undefined ? {} : { id }), ...(input === undefined ? {} : { input }) }
  }
  const input = Template.render(template, value)
  if (typeof input !== "string") return new BadRecord(record, input)
  return id === undefined ? { input } : { id, input }
}

/** A format whose records have the shape of a plain row, and the names of its fields in the file. */
export const apply = <Rec extends Entry, R>(
  format: Format<Rec, R>,
  mapping: Mapping | undefined
): { readonly format: Format<Rec, R>; readonly renameField?: (field: string) => string } => {
  if (mapping === undefined || isPlain(mapping)) return { format }
  return {
    format: {
      ...format,
      valueOf: (record) => {
        const value = format.valueOf(record)
        return value instanceof BadRecord ? value : mapped(mapping, value, record)
      }
    },
    renameField: rename(mapping)
  }
}
