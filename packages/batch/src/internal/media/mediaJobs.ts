/**
 * The jobs whose items are pictures and sounds.
 */
import * as Schema from "effect/Schema"
import * as Inference from "../../Inference.ts"
import type { Job } from "../../Job.ts"
import type { Folder, Media } from "../../Media.ts"
import * as Recognition from "../../Recognition.ts"
import * as MediaLoad from "./mediaLoad.ts"

interface Keyed<In> {
  readonly name?: string | undefined
  readonly key: (input: In) => string
}

interface OfMedia<In> extends Keyed<In> {
  /** Where the files are that items refer to. Absent: items hold their bytes themselves. */
  readonly files?: Folder | undefined
}

/**
 * Writes down what is said in one sound per item.
 */
export const transcribe = <In>(
  options: OfMedia<In> & {
    readonly audio: (input: In) => Media
    readonly parameters?: Inference.Parameters | undefined
  }
): Job<In, string> => {
  const { files, parameters } = options
  return {
    name: options.name ?? "transcribe",
    key: options.key,
    fingerprint: (input): Schema.Json => ({
      audio: MediaLoad.fingerprint(options.audio(input)),
      ...(parameters === undefined ? {} : { parameters })
    }),
    output: Schema.String,
    run: (input) =>
      MediaLoad.one(options.audio(input), files, (audio) => Recognition.transcribe(audio, parameters)),
    isDeterministic: false
  }
}

/**
 * Classifies one picture or sound per item. The answer is deterministic.
 */
export const classifyMedia = <In>(
  options: OfMedia<In> & { readonly media: (input: In) => Media }
): Job<In, ReadonlyArray<Inference.Label>> => ({
  name: options.name ?? "classify",
  key: options.key,
  fingerprint: (input): Schema.Json => ({ media: MediaLoad.fingerprint(options.media(input)) }),
  output: Schema.Array(Inference.Label),
  run: (input) => MediaLoad.one(options.media(input), options.files, Recognition.classify),
  isDeterministic: true
})
