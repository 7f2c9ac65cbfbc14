import type { Synset } from "./WordNet.ts"

/**
 * The text of the n-gram: every fourth definition, so that nouns, verbs, adjectives and adverbs have the share
 * that they have in WordNet, each once, one a line.
 */
export const text = (synsets: ReadonlyArray<Synset>): string => {
  const definitions = synsets
    .filter((_, index) => index % 4 === 0)
    .map(({ definition }) => definition.replaceAll(/\s+/g, " ").trim())
    .filter((definition) => definition !== "")
  return `${[...new Set(definitions)].join("\n")}\n`
}
