import * as Schema from "effect/Schema"

/** A project cannot be written into a folder. Nothing in it was changed where files were in the way. */
export class FilesInTheWay extends Schema.TaggedError<FilesInTheWay>()("FilesInTheWay", {
  folder: Schema.String,
  detail: Schema.String,
  step: Schema.String
}) {
  override get message() {
    return `No project can be written into ${this.folder}: ${this.detail}. ${this.step}.`
  }
}
