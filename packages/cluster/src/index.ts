/** The same batch over many machines. */
export {}
