import { it } from "@effect/vitest"
import { throwGarbage } from "../conformance/decoding.ts"

it.live(
  "garbage is refused in words: 100,000 rounds",
  () => throwGarbage({ seed: 1_000_000, rounds: 100_000 }),
  {
    timeout: 600_000
  }
)
