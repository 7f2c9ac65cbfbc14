/** A set of synonyms: what WordNet says of one sense. */
export interface Synset {
  readonly id: string
  /** The words, such as `dog` and `domestic dog`. */
  readonly lemmas: ReadonlyArray<string>
  readonly definition: string
  /** Sentences that use one of the words. */
  readonly examples: ReadonlyArray<string>
  readonly relations: ReadonlyArray<Relation>
}

/** A pointer to another synset. WordNet names its kind by a symbol: `@` is a hypernym, `+` a derivation. */
export interface Relation {
  readonly symbol: string
  readonly target: string
}

/** The data files in the order they are read. */
export const files = ["data.noun", "data.verb", "data.adj", "data.adv"]

/** Reads a data file: its licence, indented by two blanks, then a synset a line (wndb(5WN)). */
export const parse = (file: string): ReadonlyArray<Synset> =>
  file
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("  "))
    .map(parseLine)

/** `offset lex_filenum ss_type w_cnt (word lex_id)… p_cnt (symbol offset pos source/target)… | gloss` */
const parseLine = (line: string): Synset => {
  const bar = line.indexOf(" | ")
  const fields = line.slice(0, bar).split(" ")
  const gloss = line.slice(bar + 3).trim()
  const field = (index: number) => fields[index] ?? ""

  const words = 4
  const pointers = words + 2 * Number.parseInt(field(3), 16) + 1
  const lemmas: Array<string> = []
  for (let at = words; at < pointers - 1; at += 2) {
    // An adjective may end in where it stands, such as "(a)".
    lemmas.push(
      field(at)
        .replace(/\([a-z]+\)$/, "")
        .replaceAll("_", " ")
    )
  }
  const relations: Array<Relation> = []
  const pointerCount = Number.parseInt(field(pointers - 1), 10)
  for (let at = pointers; at < pointers + 4 * pointerCount; at += 4) {
    relations.push({ symbol: field(at), target: identify(field(at + 2), field(at + 1)) })
  }

  const [definition = ""] = gloss.split(/;\s*"/)
  return {
    id: identify(field(2), field(0)),
    lemmas,
    definition: definition.replace(/;+$/, "").trim(),
    examples: Array.from(gloss.matchAll(/"([^"]+)"/g), ([, example]) => example ?? ""),
    relations
  }
}

/** A satellite adjective (`s`) is stored among the adjectives (`a`), so a pointer may call it either. */
const identify = (partOfSpeech: string, offset: string): string => partOfSpeech.replace("s", "a") + offset
