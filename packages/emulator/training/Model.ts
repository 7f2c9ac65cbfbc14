import * as Contrastive from "./Contrastive.ts"
import * as Pairs from "./Pairs.ts"
import * as Quantisation from "./Quantisation.ts"
import * as Vocabulary from "./Vocabulary.ts"
import type { Synset } from "./WordNet.ts"

export interface Options extends Vocabulary.Options, Contrastive.Options {}

/** What the shipped model was trained with. */
export const defaults: Options = { dimensions: 64, minCount: 12, affixes: 4000, epochs: 4, batch: 128 }

/** What happened, for whoever watches. */
export interface Progress {
  readonly onPairs: (counts: { readonly pieces: number; readonly pairs: number }) => void
  readonly onEpoch: (loss: number) => void
}

/** The tokens of a text that the finished model reads. */
const maxTokens = 512

/** Trains a model on synsets: its files by name, as `WordNetEmbedding.load` reads them. */
export const train = (
  synsets: ReadonlyArray<Synset>,
  options: Options,
  progress: Progress
): ReadonlyMap<string, Uint8Array> => {
  const vocabulary = Vocabulary.build(synsets, options)
  const pairs = Pairs.collect(synsets, vocabulary)
  progress.onPairs({ pieces: vocabulary.length, pairs: pairs.left.length })
  const table = Contrastive.train(pairs, options, progress.onEpoch)
  const config =
    `{"model_type":"wordnet-static","hidden_size":${options.dimensions},` +
    `"vocab_size":${vocabulary.length},"max_position_embeddings":${maxTokens}}\n`
  const text = new TextEncoder()
  return new Map([
    ["config.json", text.encode(config)],
    ["vocab.txt", text.encode(`${vocabulary.join("\n")}\n`)],
    ["weights.bin", Quantisation.toInt8(table)]
  ])
}
