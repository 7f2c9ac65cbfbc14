/**
 * The command as it was given, to be shown: no flag holds a token, but a URL may.
 */

/** What a URL may say of its reader: a name and a password before the host, and a signature after the path. */
const inUrl = /\b([a-z][a-z0-9+.-]*:\/\/)(?:[^\s/?#@]*@)?([^\s?#]*)(\?[^\s#]*)?(#\S*)?/gi

/** Takes out of a text what lets others in: the token, and of URLs all but host and path. */
export const concealed = (text: string, conceal: (text: string) => string): string =>
  conceal(text).replace(
    inUrl,
    (_, scheme: string, place: string, query: string | undefined) =>
      `${scheme}${place}${query === undefined ? "" : "?…"}`
  )

const plain = /^[\w@%+=:,./…-]+$/

/** One word for a POSIX shell. */
const quoted = (word: string) => (plain.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

/** Words as a line that a shell takes. */
export const lineOf = (words: ReadonlyArray<string>): string => words.map(quoted).join(" ")
