import { basename, isAbsolute, join } from "node:path";
import { readTextIfExists, statIfExists } from "../../base/atomic_write.ts";
import { didYouMean } from "../../base/closest.ts";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { isMapping } from "../../base/field_reader.ts";
import { isLink, projectRelative, resolveInside } from "../../base/project_path.ts";
import { UserError } from "../../base/user_error.ts";
import { findNodeKind } from "../../nodes/registry.ts";
import { codeLanguage, readCodeFile } from "../../project/code_file.ts";
import { SNIPPET_FILES, type SnippetFile } from "../../project/common_snippets.ts";
import { TESTS_DIR } from "../../project/load_tests.ts";
import { parseYaml, SIZE_LIMIT_BYTES, tooLarge } from "../../project/yaml_document.ts";
import { invalidProject } from "../load_manifest.ts";
import { DRAFT_TEMPLATES } from "./registry.ts";

/** A file that is to become part of the project, read. */
export type DraftFile = NodeDraft | SnippetDraft | TestDraft;

interface DraftCommon {
  /** Absolute. */
  readonly path: string;
  /** Project-relative. */
  readonly file: string;
  readonly text: string;
  /** Project-relative path of the place it belongs to. */
  readonly target: string;
}

/** One node or several: they go to the place of the first one. */
export interface NodeDraft extends DraftCommon {
  readonly type: "nodes";
  /** Ids as far as they can be told, in the order of the file. */
  readonly ids: readonly string[];
}

/** An entry of a file of `seeknal/common/`. */
export interface SnippetDraft extends DraftCommon {
  readonly type: "snippet";
  readonly snippet: SnippetFile;
  readonly id: string;
  /** The node that it stands for, where it stands for one. */
  readonly ref: string | null;
}

/** Unit tests, or a data test. */
export interface TestDraft extends DraftCommon {
  readonly type: "test";
}

/**
 * Reads a draft and finds out what it is. Throws `draft_not_found` (2), `outside_project` and `symbolic_link` (6), and
 * `invalid_project` (3) with the problems of a file that says neither.
 */
export function readDraft(root: string, cwd: string, typed: string): DraftFile {
  const path = isAbsolute(typed) ? typed : join(cwd, typed);
  if (isLink(path)) {
    throw new UserError(`Cannot read "${typed}": it is a symbolic link`, {
      code: "symbolic_link",
      kind: "security",
      hint: "name the file itself",
    });
  }
  const info = statIfExists(path);
  if (info === null || !info.isFile) throw notFound(typed, info !== null);
  const real = resolveInside(root, path);
  if (real === null) {
    throw new UserError(`"${typed}" is not in the project ${root}`, {
      code: "outside_project",
      kind: "security",
      hint: "copy it into the project's folder",
    });
  }
  const file = projectRelative(root, real);
  if (info.size > SIZE_LIMIT_BYTES) throw invalidProject([tooLarge(file)]);
  return classify({ path: real, file, text: utf8(real, file) });
}

function utf8(path: string, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(path));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw invalidProject([{
      severity: "error",
      code: "unreadable",
      message: "File is not UTF-8 text",
      file,
      hint: "save it as UTF-8",
    }]);
  }
}

type Read = Pick<DraftCommon, "path" | "file" | "text">;

function classify(read: Read): DraftFile {
  const language = codeLanguage(read.file);
  if (language === "sql" && isTestFile(read.file)) return testDraft(read, null);
  if (language !== null) {
    const code = readCodeFile(read.file, read.text, language);
    if (code.problem !== null) throw invalidProject([code.problem]);
    const { fields, hasHeader } = code.file;
    if (!hasHeader && language !== "sql") {
      throw problemOf(read.file, 1, "header_missing", "The file does not say which node it is", {
        hint: `begin it with a comment: "/// seeknal", kind and name, "///"`,
      });
    }
    const name = fields["name"] ?? nameOfDraft(read.file);
    return nodes(read, [{ kind: "transform", ...fields, name }]);
  }
  if (!/\.ya?ml$/.test(read.file)) {
    throw new UserError(
      `Cannot tell what "${read.file}" is: it ends in none of .yml, .sql, .ts, .py`,
      {
        code: "unknown_file_type",
        kind: "usage",
        hint: "start with: seeknal draft TYPE NAME",
      },
    );
  }
  const { documents, problem } = parseYaml(read.file, read.text);
  if (problem !== null) throw invalidProject([problem]);
  const first = documents[0];
  if (first !== undefined && (isTestFile(read.file) || isUnitTest(first.value))) {
    const isOne = documents.length === 1 && isMapping(first.value);
    return testDraft(read, isOne ? (first.value as { name?: unknown }).name : null);
  }
  if (first === undefined || !isMapping(first.value)) {
    throw problemOf(read.file, 1, "not_a_node", "A draft is a mapping with kind and name", {
      hint: "write kind: transform",
    });
  }
  const kind = first.value["kind"];
  if (kind === undefined || kind === null) {
    throw problemOf(read.file, 1, "missing_field", "Missing required field: kind", {
      hint: "write kind: transform",
    });
  }
  const word = String(kind).toLowerCase().replaceAll("_", "-").replace(
    /-transform$/,
    "-transformation",
  );
  const snippet = SNIPPET_FILES.find((candidate) => candidate.kind === word);
  if (snippet !== undefined) return snippetDraft(read, snippet, documents.length, first.value);
  if (findNodeKind(String(kind)) === null) {
    const known = DRAFT_TEMPLATES.map((template) => template.kind);
    const { line, column } = first.locate(["kind"]);
    throw problemOf(read.file, line, "unknown_kind", `Unknown node type: '${kind}'`, {
      column,
      hint: didYouMean(String(kind), known) ?? `valid types: ${known.join(", ")}`,
    });
  }
  return nodes(read, documents.map(({ value }) => value));
}

/** Data tests are SQL like any other: the name of the file says what they are. */
function isTestFile(file: string): boolean {
  return file.startsWith(`${TESTS_DIR}/`) || /(^|\/)draft_test_[^/]*$/.test(file);
}

function isUnitTest(value: unknown): boolean {
  return isMapping(value) && value["kind"] === undefined &&
    (value["unit_tests"] !== undefined || value["expect"] !== undefined);
}

function testDraft(read: Read, name: unknown): TestDraft {
  const own = basename(read.file).replace(/^draft_(test_)?/, "");
  const named = typeof name === "string" && /^[\p{L}_][\p{L}\p{N}_-]*$/u.test(name)
    ? `${name}.yml`
    : own.replace(/yaml$/, "yml");
  const target = read.file.startsWith(`${TESTS_DIR}/`) ? read.file : `${TESTS_DIR}/${named}`;
  return { ...read, type: "test", target };
}

function nodes(read: Read, values: readonly unknown[]): NodeDraft {
  const named = values.flatMap((value) =>
    isMapping(value) && typeof value["kind"] === "string" &&
      ["string", "number"].includes(typeof value["name"])
      ? [{ kind: value["kind"], name: String(value["name"]) }]
      : []
  );
  const first = named[0];
  const end = /\.(\w+)$/.exec(read.file)![1]!.replace("yaml", "yml");
  const target = first === undefined || /[\\/]|^\./.test(first.name) || !findNodeKind(first.kind)
    ? read.file
    : `seeknal/${folderOf(first.kind)}/${first.name}.${end}`;
  return {
    ...read,
    type: "nodes",
    ids: named.map(({ kind, name }) => `${kind}.${name}`),
    target,
  };
}

/** Folder of the nodes of a kind: `sources`, `feature_groups`. */
export function folderOf(kind: string): string {
  return kind.endsWith("y") ? `${kind.slice(0, -1)}ies` : `${kind}s`;
}

function snippetDraft(
  read: Read,
  snippet: SnippetFile,
  documents: number,
  value: Readonly<Record<string, unknown>>,
): SnippetDraft {
  const problems: Diagnostic[] = [];
  const problem = (code: string, message: string, hint: string) =>
    problems.push({ severity: "error", code, message, file: read.file, line: 1, column: 1, hint });
  if (documents > 1) {
    problem("several_snippets", "A draft of a snippet is one document", "make a file for each");
  }
  const id = value["id"];
  if (typeof id !== "string" || !/^[A-Za-z_]\w*$/.test(id)) {
    problem(
      "missing_field",
      `A ${snippet.kind} needs an id of letters, digits and "_"`,
      "write id: my_name",
    );
  }
  if (value[snippet.value] === undefined || value[snippet.value] === null) {
    problem(
      "missing_field",
      `Missing required fields for ${snippet.kind}: ${snippet.value}`,
      `write ${snippet.value}: …`,
    );
  }
  const known = ["kind", "id", "description", "params", snippet.value];
  for (const field of Object.keys(value)) {
    if (known.includes(field)) continue;
    problem(
      "unknown_field",
      `Unknown field "${field}" in a ${snippet.kind}`,
      didYouMean(field, known) ?? `it has: ${known.join(", ")}`,
    );
  }
  if (problems.length > 0) throw invalidProject(problems);
  return {
    ...read,
    type: "snippet",
    snippet,
    id: String(id),
    ref: snippet.value === "ref" ? String(value["ref"]) : null,
    target: `seeknal/common/${snippet.name}.yml`,
  };
}

/** Name of a node by the name of its draft: `draft_transform_x.sql` is `x`. */
function nameOfDraft(file: string): string {
  return basename(file).replace(/\.\w+$/, "").replace(/^draft_(transform_)?/, "");
}

function problemOf(
  file: string,
  line: number,
  code: string,
  message: string,
  { column = 1, hint }: { readonly column?: number; readonly hint: string },
): UserError {
  return invalidProject([{ severity: "error", code, message, file, line, column, hint }]);
}

function notFound(typed: string, isFolder: boolean): UserError {
  return new UserError(isFolder ? `"${typed}" is not a file` : `File not found: ${typed}`, {
    code: "draft_not_found",
    kind: "usage",
    hint: "start with: seeknal draft TYPE NAME",
  });
}

/** The text of a project file, or null. */
export function projectText(root: string, file: string): string | null {
  return readTextIfExists(join(root, file));
}
