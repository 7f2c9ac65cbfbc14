/** The `task` that the server fills in when none is sent. */

const byName: ReadonlyArray<readonly [RegExp, string]> = [
  [/rerank/i, "text-ranking"],
  [/^sentence-transformers\//i, "sentence-embeddings"],
  [/guesslang|language-?id|sentiment|classif|sst-?2|emotion|toxic|nli\b/i, "text-classification"],
  [/stable-diffusion|sdxl|flux/i, "text-to-image"],
  [/whisper|wav2vec/i, "automatic-speech-recognition"],
  [/embed|minilm|mpnet|\be5\b|\bbge\b|\bgte\b|wordnet/i, "sentence-embeddings"],
  [/gpt|llama|qwen|mistral|gemma|phi-?\d|smollm|deepseek|instruct|chat/i, "text-generation"]
]

const byImage: Readonly<Record<string, string>> = {
  tei: "sentence-embeddings",
  tgi: "text-generation",
  tgiNeuron: "text-generation",
  tgiTpu: "text-generation",
  vLLM: "text-generation",
  vLLMOmni: "text-generation",
  vLLMNeuron: "text-generation",
  sGLang: "text-generation",
  llamacpp: "text-generation"
}

/** Guesses from the repository's name, then from the image. The real server reads the repository's card. */
export const guess = (repository: string, image: string): string =>
  byName.find(([pattern]) => pattern.test(repository))?.[1] ?? byImage[image] ?? "feature-extraction"
