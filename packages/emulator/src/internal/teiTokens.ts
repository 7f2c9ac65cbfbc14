/** TEI's `/tokenize` and `/decode`. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Engine from "../Engine.ts"
import * as Tei from "./tei.ts"

/** A token, and the characters it stands for. */
export interface TokenSpan {
  readonly id: number
  readonly text: string
  /** Code points from the start of the text. */
  readonly start: number
  readonly stop: number
}

/** What a model's tokenizer does. */
export interface Tokenizer {
  readonly tokenize: (text: string) => ReadonlyArray<TokenSpan>
  readonly decode: (ids: ReadonlyArray<number>) => string
}

const Ids = Schema.Array(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)))

const decodeTokenize = Engine.decoder(
  Schema.Struct({ inputs: Schema.Union([Schema.String, Schema.Array(Schema.String)]) })
)
const decodeDecode = Engine.decoder(Schema.Struct({ ids: Schema.Union([Ids, Schema.Array(Ids)]) }))

/** The two routes. The models here put no special tokens around a text. */
export const routes = (server: Tei.Server, tokenizer: Tokenizer): Engine.Routes => {
  const tokens = (text: string) => tokenizer.tokenize(text).map((token) => ({ ...token, special: false }))
  return {
    "POST /tokenize": Tei.plain(server, (json) =>
      Effect.flatMap(decodeTokenize(json), ({ inputs }) =>
        typeof inputs === "string"
          ? Effect.succeed([tokens(inputs)])
          : Effect.as(Tei.checkBatch(inputs.length, server), inputs.map(tokens))
      )
    ),
    "POST /decode": Tei.plain(server, (json) =>
      Effect.flatMap(decodeDecode(json), ({ ids }) => {
        const lists: Array<ReadonlyArray<number>> = []
        const list: Array<number> = []
        for (const id of ids) {
          if (typeof id === "number") list.push(id)
          else lists.push(id)
        }
        if (lists.length === 0 && list.length > 0) return Effect.succeed([tokenizer.decode(list)])
        return lists.length === 0
          ? Effect.fail(Tei.refused("Empty", "`ids` cannot be empty"))
          : Effect.as(Tei.checkBatch(lists.length, server), lists.map(tokenizer.decode))
      })
    )
  }
}
