/** The version of the command, as in its package.json; a test keeps the two together. */
export const version = "0.0.0"
