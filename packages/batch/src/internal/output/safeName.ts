/**
 * Names of files for keys.
 */
import { digestAfter, toHex } from "../digest.ts"

const first = digestAfter("name:")
const second = digestAfter("file:")

/** Means the same to every file system, whether or not it tells capitals from small letters. */
const safe = /^[a-z0-9][a-z0-9_-]{0,63}$/

/** Names that Windows keeps for devices. */
const reserved = /^(con|prn|aux|nul|com\d|lpt\d)$/

/**
 * A name for a key, without an ending: the key itself where it is short and plain, else what is plain of it, a `~`, which no
 * plain key has, and 128 bits of the key.
 */
export const safeName = (key: string): string => {
  if (safe.test(key) && !reserved.test(key)) return key
  const readable = key
    .slice(0, 256)
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 32)
  return `${readable}~${toHex(first(key))}${toHex(second(key))}`
}
