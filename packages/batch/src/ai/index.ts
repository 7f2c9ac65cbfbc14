/**
 * The endpoint that is held as a model of `effect/ai`, a module that Effect calls unstable: it may change in a minor release.
 */
export * as HuggingFaceEmbeddingModel from "./HuggingFaceEmbeddingModel.ts"
export * as HuggingFaceLanguageModel from "./HuggingFaceLanguageModel.ts"
