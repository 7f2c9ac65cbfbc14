/**
 * What the packages declare, read from what the compiler wrote into their `dist` folders: names, signatures with every
 * inferred type, docstrings. The compiler of the project has no API yet, so an earlier one parses; nothing is checked.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import ts from "typescript-6"

/** One name that a module exports. */
export interface Declared {
  readonly name: string
  readonly kinds: ReadonlyArray<string>
  /** As the compiler has it, without its comment. */
  readonly signature: string
  /** Absent: it has none. */
  readonly doc: string | undefined
  /** What the effect, the stream or the layer that it is or gives may fail with. */
  readonly fails: ReadonlyArray<string>
  /** The module that it is told of in, where it is another one that is public. */
  readonly from: string | undefined
}

/** A public module. */
export interface Module {
  /** Of its page, as in `batch/Batch`, `batch-node/Sweep`. */
  readonly folder: string
  readonly name: string
  /** The package, or the part of it, that it is imported from. */
  readonly specifier: string
  /** Whether `import { name } from specifier` gives it; else it is imported by its own path. */
  readonly isAtRoot: boolean
  /** From the root of the repository. */
  readonly source: string
  readonly doc: string | undefined
  readonly exports: ReadonlyArray<Declared>
}

const root = path.join(import.meta.dirname, "../..")

/** The folders whose modules are for others to import, and what they are called in the reference. */
export const parts = [
  { folder: "core", of: "core", at: "", specifier: "@stint/core" },
  { folder: "batch", of: "batch", at: "", specifier: "@stint/batch" },
  { folder: "batch-node", of: "batch", at: "node/", specifier: "@stint/batch/node" },
  { folder: "batch-ai", of: "batch", at: "ai/", specifier: "@stint/batch/ai" },
  { folder: "batch-parquet", of: "batch", at: "parquet/", specifier: "@stint/batch/parquet" },
  { folder: "emulator", of: "emulator", at: "", specifier: "@stint/emulator" },
  { folder: "emulator", of: "emulator", at: "engine/", specifier: "@stint/emulator" },
  { folder: "cluster", of: "cluster", at: "", specifier: "@stint/cluster" }
] as const

const parsed = new Map<string, ts.SourceFile>()

const parse = (file: string): ts.SourceFile => {
  const known = parsed.get(file)
  if (known !== undefined) return known
  const tree = ts.createSourceFile(file, fs.readFileSync(file, "utf8"), ts.ScriptTarget.ES2024, true)
  parsed.set(file, tree)
  return tree
}

/** The text of a comment, without its stars. */
const unstarred = (comment: string): string =>
  comment
    .replace(/^\/\*\*/, "")
    .replace(/\*\/$/, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd())
    .join("\n")
    .trim()

const docOf = (node: ts.Node): string | undefined => {
  const text = node.getSourceFile().text
  const last = (ts.getLeadingCommentRanges(text, node.getFullStart()) ?? [])
    .map(({ end, pos }) => text.slice(pos, end))
    .findLast((comment) => comment.startsWith("/**"))
  return last === undefined ? undefined : unstarred(last)
}

/** The comment at the head of a source; where an export follows, it is that of the export. */
const moduleDocOf = (file: string): string | undefined => {
  const found = /^(\/\*\*[\s\S]*?\*\/)\s*(?:import|const|export (?:\*|\{)|\/\*\*)/.exec(
    fs.readFileSync(file, "utf8")
  )?.[1]
  return found === undefined ? undefined : unstarred(found)
}

const channels = new Map([
  ["Effect.Effect", 1],
  ["Effect.fn.Return", 1],
  ["Stream.Stream", 1],
  ["Layer.Layer", 1]
])

const failuresOf = (type: ts.TypeNode | undefined): ReadonlyArray<string> => {
  if (type === undefined) return []
  if (ts.isFunctionTypeNode(type)) return failuresOf(type.type)
  if (!ts.isTypeReferenceNode(type)) return []
  const at = channels.get(type.typeName.getText())
  const error = at === undefined ? undefined : type.typeArguments?.[at]
  if (error === undefined || error.kind === ts.SyntaxKind.NeverKeyword) return []
  return (ts.isUnionTypeNode(error) ? [...error.types] : [error]).map((one) => shortened(one.getText()))
}

const shortened = (text: string): string => text.replace(/import\("[^"]+"\)\./g, "")

const withoutExport = (text: string): string => text.replace(/^export (default )?/, "")

/** What every error of the packages extends, in short: its name and its fields. */
const taggedError =
  /^Schema\.Class<\w+, Schema\.TaggedStruct<("\w+"), (\{[\s\S]*\})>, [^<>{}]*YieldableError>$/

interface Part {
  readonly kind: string
  readonly signature: string
  readonly doc: string | undefined
  readonly fails: ReadonlyArray<string>
}

/** The constant that a class extends, where the compiler made one up for it. */
const baseOf = (tree: ts.SourceFile, name: string): string | undefined => {
  for (const statement of tree.statements) {
    if (!ts.isVariableStatement(statement)) continue
    for (const one of statement.declarationList.declarations) {
      if (one.name.getText() === name) return one.type?.getText()
    }
  }
  return undefined
}

const partsOf = (tree: ts.SourceFile, name: string): ReadonlyArray<Part> =>
  tree.statements.flatMap((statement): ReadonlyArray<Part> => {
    const doc = docOf(statement)
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations
        .filter((one) => one.name.getText() === name)
        .map(({ type }) => ({
          kind: type !== undefined && ts.isFunctionTypeNode(type) ? "function" : "value",
          signature: `declare const ${name}: ${type?.getText() ?? "unknown"}`,
          doc,
          fails: failuresOf(type)
        }))
    }
    if (ts.isFunctionDeclaration(statement) && statement.name?.getText() === name) {
      return [
        {
          kind: "function",
          signature: withoutExport(statement.getText()),
          doc,
          fails: failuresOf(statement.type)
        }
      ]
    }
    if (ts.isInterfaceDeclaration(statement) && statement.name.getText() === name) {
      return [{ kind: "interface", signature: withoutExport(statement.getText()), doc, fails: [] }]
    }
    if (ts.isTypeAliasDeclaration(statement) && statement.name.getText() === name) {
      return [{ kind: "type", signature: withoutExport(statement.getText()), doc, fails: [] }]
    }
    if (ts.isClassDeclaration(statement) && statement.name?.getText() === name) {
      const text = withoutExport(statement.getText())
      const base = baseOf(tree, `${name}_base`)
      return [
        {
          kind: "class",
          signature:
            base === undefined
              ? text
              : text.replace(`${name}_base`, () => base.replace(taggedError, "Schema.TaggedError<$1, $2>")),
          doc,
          fails: []
        }
      ]
    }
    return []
  })

interface Origin {
  readonly file: string
  readonly name: string
}

const declarationFile = (from: string, specifier: string): string =>
  path.join(path.dirname(from), specifier.replace(/\.ts$/, ".d.ts"))

/** Where a name that a module has in its hands comes from. */
const importedAs = (tree: ts.SourceFile, name: string): Origin | undefined => {
  for (const statement of tree.statements) {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue
    const bindings = statement.importClause?.namedBindings
    if (bindings === undefined || !ts.isNamedImports(bindings)) continue
    for (const { name: local, propertyName } of bindings.elements) {
      if (local.text !== name || !statement.moduleSpecifier.text.startsWith(".")) continue
      return {
        file: declarationFile(tree.fileName, statement.moduleSpecifier.text),
        name: (propertyName ?? local).text
      }
    }
  }
  return undefined
}

/** Follows a name to the file that declares it. */
const originOf = (file: string, name: string): Origin => {
  const tree = parse(file)
  if (partsOf(tree, name).length > 0) return { file, name }
  for (const statement of tree.statements) {
    if (!ts.isExportDeclaration(statement) || statement.exportClause === undefined) continue
    if (!ts.isNamedExports(statement.exportClause)) continue
    const one = statement.exportClause.elements.find((element) => element.name.text === name)
    if (one === undefined) continue
    const inner = (one.propertyName ?? one.name).text
    if (statement.moduleSpecifier !== undefined && ts.isStringLiteral(statement.moduleSpecifier)) {
      return statement.moduleSpecifier.text.startsWith(".")
        ? originOf(declarationFile(file, statement.moduleSpecifier.text), inner)
        : { file, name }
    }
    const imported = importedAs(tree, inner)
    return imported === undefined ? { file, name: inner } : originOf(imported.file, imported.name)
  }
  const imported = importedAs(tree, name)
  return imported === undefined ? { file, name } : originOf(imported.file, imported.name)
}

const isExported = (statement: ts.Statement): boolean =>
  ts.canHaveModifiers(statement) &&
  (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)

/** The names that a module exports, in their order. */
const namesOf = (tree: ts.SourceFile): ReadonlyArray<string> => {
  const names = tree.statements.flatMap((statement): ReadonlyArray<string> => {
    if (ts.isExportDeclaration(statement)) {
      return statement.exportClause !== undefined && ts.isNamedExports(statement.exportClause)
        ? statement.exportClause.elements.map(({ name }) => name.text)
        : []
    }
    if (!isExported(statement)) return []
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.map(({ name }) => name.getText())
    }
    const named =
      ts.isFunctionDeclaration(statement) ||
      ts.isInterfaceDeclaration(statement) ||
      ts.isTypeAliasDeclaration(statement) ||
      ts.isClassDeclaration(statement)
    return named && statement.name !== undefined ? [statement.name.text] : []
  })
  return [...new Set(names)]
}

const declaredOf = (file: string, name: string, isPublic: (file: string) => string | undefined): Declared => {
  const origin = originOf(file, name)
  const found = partsOf(parse(origin.file), origin.name)
  const signature = found.map((part) => shortened(part.signature)).join("\n")
  return {
    name,
    kinds: [...new Set(found.map(({ kind }) => kind))],
    signature: (origin.name === name
      ? signature
      : signature.replace(new RegExp(`\\b${origin.name}\\b`), name)
    ).replace(/^( {4})+/gm, (indent) => " ".repeat(indent.length / 2)),
    doc: found.find(({ doc }) => doc !== undefined)?.doc,
    fails: [...new Set(found.flatMap(({ fails }) => fails))],
    from: origin.file === file || origin.name !== name ? undefined : isPublic(origin.file)
  }
}

/** The names of the modules that an index gives. */
const atRoot = (index: string): ReadonlySet<string> =>
  new Set(
    parse(index).statements.flatMap((statement) =>
      ts.isExportDeclaration(statement) &&
      statement.exportClause !== undefined &&
      ts.isNamespaceExport(statement.exportClause)
        ? [statement.exportClause.name.getText()]
        : []
    )
  )

/** All public modules, part by part, each by its name. */
export const modules = (): ReadonlyArray<Module> => {
  const files = parts.flatMap(({ at, folder, of, specifier }) => {
    const dist = path.join(root, "packages", of, "dist")
    const indexed = atRoot(path.join(dist, at === "engine/" ? "" : at, "index.d.ts"))
    const src = path.join(root, "packages", of, "src", at)
    return fs
      .readdirSync(src)
      .filter((file) => /^[A-Z]\w*\.ts$/.test(file))
      .toSorted()
      .map((file) => {
        const name = file.slice(0, -3)
        return {
          folder,
          name,
          file: path.join(dist, at, `${name}.d.ts`),
          source: `packages/${of}/src/${at}${file}`,
          isAtRoot: indexed.has(name),
          specifier: indexed.has(name) ? specifier : `@stint/${of}/${at}${name}`
        }
      })
  })
  const pages = new Map(files.map(({ file, folder, name }) => [file, `${folder}/${name}`]))
  return files.map(({ file, ...module }) => {
    const tree = parse(file)
    return {
      ...module,
      doc: moduleDocOf(path.join(root, module.source)),
      exports: namesOf(tree).map((name) => declaredOf(file, name, (one) => pages.get(one)))
    }
  })
}
