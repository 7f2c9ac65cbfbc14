/**
 * Endpoints as rows: what they are, what they cost now, and whose they are.
 */
import type { Endpoint } from "@stint/core/Endpoint"
import { type EndpointPrice, dollars } from "../EndpointPrice.ts"
import * as Age from "./Age.ts"
import * as Table from "./Table.ts"

/** An endpoint and what it costs. */
export interface Listed {
  readonly endpoint: Endpoint
  readonly price: EndpointPrice
}

const person = (who: { readonly name?: string | null; readonly id?: string | null } | null | undefined) =>
  who?.name ?? who?.id ?? "-"

/** `-` for what is not there. */
const orDash = (text: string | null | undefined) =>
  text === null || text === undefined || text === "" ? "-" : text

/** Without its region, which `get` tells. */
const hardwareOf = ({ compute, provider }: Endpoint): string =>
  [provider?.vendor, compute?.instanceType, compute?.instanceSize].flatMap((part) => part ?? []).join(" ")

const headings = ["name", "state", "$/h now", "hardware", "model", "age", "by", "tags"]

const row = ({ endpoint, price }: Listed, now: number): ReadonlyArray<string> => [
  endpoint.name,
  endpoint.state,
  price.now === undefined ? "?" : price.now === 0 ? "0" : price.now.toFixed(3),
  orDash(hardwareOf(endpoint)),
  orDash(endpoint.model?.repository),
  Age.format(endpoint.status.createdAt, now),
  person(endpoint.status.createdBy),
  (endpoint.tags ?? []).join(",")
]

/** The table, at the moment `now` in milliseconds. With `namespaces`, each endpoint says whose it is. */
export const format = (
  all: ReadonlyArray<Listed>,
  options: { readonly now: number; readonly width: number | undefined; readonly namespaces: boolean }
): string => {
  const rows = all.map((one) => row(one, options.now))
  const fit: Table.Fit = {
    width: options.width,
    cut: { name: 20, hardware: 14, model: 10, by: 5, tags: 5, namespace: 6 },
    drop: ["tags", "by", "model", "age", "hardware"],
    keepEnd: ["model"],
    right: ["$/h now", "age"]
  }
  return options.namespaces
    ? Table.fit(
        ["namespace", ...headings],
        rows.map((cells, i) => [all[i]?.endpoint.namespace ?? "-", ...cells]),
        fit
      )
    : Table.fit(headings, rows, fit)
}

/** `3 endpoints, 2 of them billed: $1.60 an hour now.` */
export const total = (all: ReadonlyArray<Listed>): string => {
  const billed = all.filter(({ price }) => price.replicas > 0)
  const count = `${all.length} ${all.length === 1 ? "endpoint" : "endpoints"}`
  if (billed.length === 0) return `${count}; nothing is billed now.`
  const unknown = billed.filter(({ price }) => price.now === undefined).length
  const sum = billed.reduce((dollars, { price }) => dollars + (price.now ?? 0), 0)
  const rest = unknown === 0 ? "" : `, and ${unknown} without a known price`
  return `${count}, ${billed.length} billed: $${dollars(sum)} an hour now${rest}.`
}
