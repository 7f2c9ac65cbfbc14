/** Writes the published JSON Schemas of the command's files: `npm run schemas`. */
import * as fs from "node:fs"
import * as path from "node:path"
import { pathToFileURL } from "node:url"

const home = path.join(import.meta.dirname, "../packages/cli")

/** Each file, and the module of the command that makes it. By path: the scripts are a project of their own. */
const schemas = [
  ["config.schema.json", "ConfigMembers.ts"],
  ["report.schema.json", "report/RunReport.ts"]
] as const

for (const [file, module] of schemas) {
  const { jsonSchema } = await import(pathToFileURL(path.join(home, "src", module)).href)
  fs.writeFileSync(path.join(home, "schemas", file), `${JSON.stringify(jsonSchema(), undefined, 2)}\n`)
}
