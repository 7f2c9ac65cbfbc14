import { it } from "@effect/vitest"
import { throwGarbage } from "./decoding.ts"

it.live("garbage is refused in words: 2,000 rounds", () => throwGarbage({ seed: 1, rounds: 2000 }))
