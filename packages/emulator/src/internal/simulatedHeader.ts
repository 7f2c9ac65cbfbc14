/** How an answer says that its time was computed by a model of a GPU. */
import type { TextModel } from "../TextModel.ts"

/** The headers of a server's answers. */
export const headers = ({ isSimulated, name }: TextModel): Readonly<Record<string, string>> =>
  isSimulated ? { "x-stint-simulated": name } : {}
