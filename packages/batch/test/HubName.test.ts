import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { folderOf, parse, toExpression } from "../src/parquet/internal/hubName.ts"

const Segment = Schema.String.check(Schema.isPattern(/^[\w.+()$^|{}-]{1,8}$/))
const Segments = Schema.NonEmptyArray(Segment)

const matches = (glob: string, path: string) => toExpression(glob).test(path)

describe("a name on the hub", () => {
  for (const [text, id, revision, path] of [
    ["hf://datasets/a/b", "a/b", undefined, ""],
    ["hf://datasets/a/b/", "a/b", undefined, ""],
    ["hf://datasets/a/b/20220301.en/train", "a/b", undefined, "20220301.en/train"],
    ["hf://datasets/a/b@~parquet/c/d", "a/b", undefined, "c/d"],
    ["hf://datasets/a/b@refs%2Fconvert%2Fparquet", "a/b", undefined, ""],
    [
      "hf://datasets/a/b@refs/convert/parquet/c/*/0000.parquet",
      "a/b",
      "refs/convert/parquet",
      "c/*/0000.parquet"
    ],
    ["hf://datasets/a/b@refs/pr/12/data", "a/b", "refs/pr/12", "data"],
    ["hf://datasets/a/b@feature%2Fx/data", "a/b", "feature/x", "data"],
    ["hf://datasets/a/b@v1.0/x y/é.parquet", "a/b", "v1.0", "x y/é.parquet"],
    ["hf://datasets/a/b/x.parquet", "a/b", "main", "x.parquet"],
    ["hf://datasets/a/b/**/x.PQ", "a/b", "main", "**/x.PQ"]
  ] as const) {
    it(`is read: ${text}`, () => {
      assert.deepStrictEqual(parse(text), { id, revision, path })
    })
  }
})

describe("a glob", () => {
  for (const [glob, yes, no] of [
    ["*.parquet", ["a.parquet", ".parquet"], ["a/b.parquet", "a.parquet.x", "aXparquet"]],
    ["**/*.parquet", ["a.parquet", "x/a.parquet", "x/y/a.parquet"], ["a.csv"]],
    ["data/**", ["data/a", "data/b/c"], ["dat/a", "xdata/a"]],
    ["a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb"]],
    ["a**b", ["ab", "axb"], ["a/b"]],
    ["?.parquet", ["a.parquet"], ["ab.parquet", "/.parquet"]],
    ["[a-c]x[!0-9]", ["axy", "cx-"], ["dxy", "ax1", "ax/"]],
    ["[^a]", ["b"], ["a", "/"]],
    ["a[", ["a["], ["a"]]
  ] as const) {
    it(`${glob} stands for what it should`, () => {
      for (const path of yes) assert.isTrue(matches(glob, path), path)
      for (const path of no) assert.isFalse(matches(glob, path), path)
    })
  }

  it.prop(
    "without a special character stands for itself alone, and stars for whatever is there",
    [Segments],
    ([parts]) => {
      const path = parts.join("/")
      assert.isTrue(matches(path, path))
      assert.isFalse(matches(path, `${path}x`))
      assert.isFalse(matches(path, `x${path}`))
      assert.isTrue(matches(parts.map(() => "*").join("/"), path))
      assert.isFalse(matches([...parts.map(() => "*"), "*"].join("/"), path))
      assert.isTrue(matches("**", path))
      assert.isTrue(matches(`**/${parts.at(-1)}`, path))
      // All that it stands for lies below the folder that is listed.
      for (let at = 0; at < parts.length; at++) {
        const glob = parts.with(at, "*").join("/")
        assert.isTrue(matches(glob, path))
        const folder = folderOf(glob)
        assert.isTrue(folder === "" || path.startsWith(`${folder}/`), glob)
      }
    }
  )
})
