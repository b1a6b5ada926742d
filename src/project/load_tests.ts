import { basename, join } from "node:path";
import { readTextIfExists } from "../base/atomic_write.ts";
import { didYouMean } from "../base/closest.ts";
import { compareText, type Diagnostic } from "../base/diagnostic.ts";
import { FieldReader, isMapping, type Locator, type Report } from "../base/field_reader.ts";
import { projectRelative } from "../base/project_path.ts";
import type { DataTest, Fixture, FixtureRow, GivenRows, UnitTest } from "../model/test.ts";
import { readCodeFile } from "./code_file.ts";
import { parseYaml } from "./yaml_document.ts";

/** The tests of a project, with every problem found while reading. */
export interface LoadedTests {
  /** In order of files, then as they are written. */
  readonly unit: readonly UnitTest[];
  readonly data: readonly DataTest[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Folder of the tests, project-relative. */
export const TESTS_DIR = "tests";

type Path = readonly (string | number)[];

/**
 * Reads `tests/**`: unit tests in YAML, data tests in SQL; `drafts` are taken as if they were among them, by their
 * project-relative paths. Reports problems, never throws for one.
 */
export function loadTests(
  root: string,
  drafts: ReadonlyMap<string, string> = new Map(),
): LoadedTests {
  const diagnostics: Diagnostic[] = [];
  const report: Report = (diagnostic) => diagnostics.push(diagnostic);
  const unit: UnitTest[] = [];
  const data: DataTest[] = [];
  for (const file of new Set([...testFiles(root), ...drafts.keys()])) {
    const text = drafts.get(file) ?? readTextIfExists(join(root, file)) ?? "";
    if (file.endsWith(".sql")) data.push(...readDataTest(file, text, report));
    else unit.push(...readUnitTests(file, text, report));
  }
  const seen = new Map<string, UnitTest | DataTest>();
  for (const test of [...unit, ...data]) {
    const first = seen.get(test.name);
    if (first === undefined) seen.set(test.name, test);
    else {
      report({
        severity: "error",
        code: "duplicate_test",
        message: `Duplicate test "${test.name}", first in ${first.place.file}:${first.place.line}`,
        ...test.place,
        hint: "rename one of the two",
      });
    }
  }
  return { unit, data, diagnostics };
}

function testFiles(root: string): string[] {
  const files: string[] = [];
  const visit = (folder: string) => {
    let entries: Deno.DirEntry[];
    try {
      entries = [...Deno.readDirSync(folder)];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    for (const { name, isDirectory, isSymlink } of entries) {
      if (name.startsWith(".") || name === "node_modules" || isSymlink) continue;
      const path = join(folder, name);
      if (isDirectory) visit(path);
      else if (/\.(ya?ml|sql)$/.test(name)) files.push(projectRelative(root, path));
    }
  };
  visit(join(root, TESTS_DIR));
  return files.sort(compareText);
}

/** A document is one test, a list of them, or a mapping with such a list under `unit_tests`. */
function readUnitTests(file: string, text: string, report: Report): UnitTest[] {
  const { documents, problem } = parseYaml(file, text);
  if (problem !== null) {
    report(problem);
    return [];
  }
  return documents.flatMap((document) => {
    const { value } = document;
    const list = isMapping(value) ? value["unit_tests"] : value;
    const path = isMapping(value) ? ["unit_tests"] : [];
    const items: [unknown, Path][] = Array.isArray(list)
      ? list.map((item, i) => [item, [...path, i]])
      : [[value, []]];
    return items.flatMap(([item, at]) => readUnitTest(item, at, document, report) ?? []);
  });
}

function readUnitTest(
  value: unknown,
  path: Path,
  locator: Locator,
  report: Report,
): UnitTest | null {
  if (!isMapping(value)) {
    const hint = "write name, node, given and expect";
    const message = "A unit test is a mapping";
    report({ severity: "error", code: "not_a_test", message, ...locator.locate(path), hint });
    return null;
  }
  const reader = new FieldReader(value, { locator, path, report });
  const name = reader.requiredText("name", "refunds_are_left_out");
  const node = reader.requiredText(
    reader.has("model") && !reader.has("node") ? "model" : "node",
    "transform.orders",
  );
  const given = reader.list("given").map((item, i) => readGiven(item, i, reader, locator, path));
  const expect = readExpect(value["expect"], reader, locator, path);
  reader.ignore("expect");
  const test = {
    description: reader.optionalText("description"),
    cte: reader.optionalText("cte"),
    params: reader.scalars("params"),
  };
  reader.rejectUnknown("a unit test");
  if (name === null || node === null || expect === null || given.includes(null)) return null;
  const rows = given.filter((item) => item !== null);
  return { name, node, ...test, place: locator.locate(path), given: rows, expect };
}

function readGiven(
  item: unknown,
  index: number,
  reader: FieldReader,
  locator: Locator,
  path: Path,
): GivenRows | null {
  const at = ["given", index];
  if (!isMapping(item)) {
    reader.problem(at, "wrong_type", "Given rows are a mapping with ref and rows");
    return null;
  }
  const inner = reader.child(item, at);
  const ref = inner.requiredText(
    inner.has("input") && !inner.has("ref") ? "input" : "ref",
    "source.orders",
  );
  const fixture = readFixture(item, inner, locator, [...path, ...at]);
  inner.rejectUnknown("given rows");
  if (ref === null || fixture === null) return null;
  const id = /^\s*ref\(\s*(['"])(.*)\1\s*\)\s*$/.exec(ref)?.[2] ?? ref;
  return { ref: id.trim(), fixture, place: locator.locate([...path, ...at]) };
}

function readExpect(
  value: unknown,
  reader: FieldReader,
  locator: Locator,
  path: Path,
): UnitTest["expect"] | null {
  const plain = { ordered: false, partial: false, columns: null };
  const at = [...path, "expect"];
  if (Array.isArray(value)) {
    const rows = readRows(value, reader, ["expect"], locator, at);
    return rows === null ? null : { fixture: { type: "rows", rows }, ...plain };
  }
  if (!isMapping(value)) {
    reader.problem(["expect"], "missing_field", 'Field "expect" is missing', "expect: {rows: […]}");
    return null;
  }
  const inner = reader.child(value, ["expect"]);
  const fixture = readFixture(value, inner, locator, at);
  const columns = inner.texts("columns");
  const expect = {
    ordered: inner.optionalBoolean("ordered") ?? false,
    partial: inner.optionalBoolean("partial") ?? columns.length > 0,
    columns: columns.length === 0 ? null : columns,
  };
  inner.rejectUnknown("what a test expects");
  return fixture === null ? null : { fixture, ...expect };
}

function readFixture(
  value: Readonly<Record<string, unknown>>,
  reader: FieldReader,
  locator: Locator,
  path: Path,
): Fixture | null {
  const forms = ["rows", "csv", "sql"].filter((field) => reader.has(field));
  if (forms.length !== 1) {
    for (const field of forms) reader.ignore(field);
    const message = forms.length === 0
      ? "There are no rows: write rows, csv or sql"
      : `Write one of ${forms.join(", ")}`;
    reader.problem([], "missing_field", message, "rows: [{id: 1}], or rows: [] for none");
    return null;
  }
  if (forms[0] === "csv") {
    const file = reader.requiredText("csv", "tests/orders.csv");
    return file === null ? null : { type: "csv", path: file };
  }
  if (forms[0] === "sql") {
    const sql = reader.requiredText("sql", "SELECT 1 AS id");
    return sql === null ? null : { type: "sql", sql };
  }
  const list = reader.list("rows");
  if (value["rows"] !== null && !Array.isArray(value["rows"])) return null;
  const rows = readRows(list, reader, ["rows"], locator, [...path, "rows"]);
  return rows === null ? null : { type: "rows", rows };
}

/** Numbers keep every digit that is written. */
function readRows(
  list: readonly unknown[],
  reader: FieldReader,
  own: Path,
  locator: Locator,
  path: Path,
): FixtureRow[] | null {
  const rows = list.map((item, i) => {
    if (!isMapping(item)) {
      reader.problem([...own, i], "wrong_type", "A row is a mapping of columns", "- {id: 1}");
      return null;
    }
    return Object.fromEntries(
      Object.entries(item).map(([column, cell]) => [
        column,
        typeof cell === "number" ? locator.textAt([...path, i, column]) ?? cell : cell,
      ]),
    );
  });
  return rows.includes(null) ? null : rows.filter((row) => row !== null);
}

function readDataTest(file: string, text: string, report: Report): DataTest[] {
  const read = readCodeFile(file, text, "sql");
  if (read.problem !== null) {
    report(read.problem);
    return [];
  }
  const { fields, code, locator } = read.file;
  const reader = new FieldReader(fields, { locator, path: [], report });
  const severity = reader.optionalText("severity") ?? "error";
  const tolerated = reader.optionalText("max_violations") ?? "0";
  const name = reader.optionalText("name") ?? basename(file).replace(/\.sql$/, "");
  const description = reader.optionalText("description");
  reader.rejectUnknown("a data test");
  if (severity !== "error" && severity !== "warn") {
    const hint = didYouMean(severity, ["error", "warn"]) ?? "error or warn";
    reader.problem(["severity"], "wrong_value", `Unknown severity "${severity}"`, hint);
    return [];
  }
  if (!/^\d{1,15}$/.test(tolerated)) {
    reader.problem(["max_violations"], "wrong_value", `"${tolerated}" is no number of rows`);
    return [];
  }
  if (code.trim() === "") {
    reader.problem([], "sql_empty", "A data test is one SELECT whose rows are failures");
    return [];
  }
  const place = locator.locateInText([], 1, 1);
  return [{ name, description, place, sql: code, severity, maxViolations: Number(tolerated) }];
}
