/** A model that has said nothing, in words. */
export const saidNothing = (why: string | null | undefined): string =>
  `the model said nothing${why ? ` (finish_reason: ${why})` : ""}; one that thinks first may need more max_tokens`
