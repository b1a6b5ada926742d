import { createTwoFilesPatch } from "diff";
import { join } from "node:path";
import { writeFileAtomic } from "../base/atomic_write.ts";
import { openSession } from "../engine/registry.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type { NodeId } from "../model/ids.ts";
import { findNodeKind } from "../nodes/registry.ts";
import type { LoadedNode } from "../nodes/node_kind.ts";
import { isScriptNode } from "../nodes/script_node.ts";
import { loadProject } from "../project/load_project.ts";
import { formatSql } from "../sql/format_sql.ts";
import { readTrees } from "../sql/syntax_tree.ts";
import { tokenize } from "../sql/tokens.ts";
import type { Workspace } from "./workspace.ts";

/** What became of a file, as `format --json` prints it. */
export interface FormattedFile {
  readonly file: string;
  /** `changed`: written, or to be written with `--check` and `--diff`. */
  readonly status: "changed" | "unchanged" | "left";
  /** Why SQL in it was left as it is; empty where none was. */
  readonly left: readonly string[];
  /** What changes, as `diff -u` has it; empty where nothing does. */
  readonly diff: string;
}

/** What to format. */
export interface FormatRequest {
  /** Project-relative files and folders; empty for all nodes. */
  readonly paths: readonly string[];
  /** False to only say what would change. */
  readonly write: boolean;
}

/**
 * Formats the SQL in the files of nodes: `.sql` files, and blocks (`transform: |`) of YAML, of which nothing
 * else is touched. SQL that cannot be shown to mean the same afterwards is left as it is.
 */
export async function formatFiles(
  { root }: Workspace,
  { paths, write }: FormatRequest,
): Promise<FormattedFile[]> {
  const isWanted = (file: string) =>
    paths.length === 0 ||
    paths.some((path) => path === "" || file === path || file.startsWith(`${path}/`));
  const byFile = new Map<string, LoadedNode[]>();
  for (const node of loadProject(root).nodes.filter(({ file }) => isWanted(file))) {
    const list = byFile.get(node.file);
    if (list === undefined) byFile.set(node.file, [node]);
    else list.push(node);
  }
  await using session = await openSession({ threads: 1, allowedDirs: [] });
  const results: FormattedFile[] = [];
  for (const [file, nodes] of [...byFile].sort(([a], [b]) => a < b ? -1 : 1)) {
    results.push(await formatFile(session, { root, file, nodes, write }));
  }
  return results;
}

/** SQL as it is formatted, and why it cannot be where it cannot. */
export type FormattedSql =
  | { readonly sql: string; readonly problem: null }
  | { readonly sql: null; readonly problem: string };

/** Formats one text. */
export async function formatText(sql: string): Promise<FormattedSql> {
  await using session = await openSession({ threads: 1, allowedDirs: [] });
  return await formatProven(session, sql);
}

async function formatFile(
  session: Session,
  { root, file, nodes, write }: {
    readonly root: string;
    readonly file: string;
    readonly nodes: readonly LoadedNode[];
    readonly write: boolean;
  },
): Promise<FormattedFile> {
  const before = Deno.readTextFileSync(join(root, file));
  let lines = before.split("\n");
  const left: string[] = [];
  const blocks = nodes.flatMap((node) => sqlBlock(node, lines, left) ?? [])
    .sort((a, b) => b.first - a.first);
  for (const { id, sql, first, indent } of blocks) {
    const formatted = await formatProven(session, sql);
    if (formatted.problem !== null) {
      left.push(`${id}: ${formatted.problem}`);
      continue;
    }
    const block = formatted.sql.split("\n").map((line) => line === "" ? "" : indent + line);
    const count = sql.trimEnd().split("\n").length;
    lines = [...lines.slice(0, first), ...block, ...lines.slice(first + count)];
  }
  const text = lines.join("\n");
  const after = text.endsWith("\n") ? text : `${text}\n`;
  const isChanged = after !== before;
  if (isChanged && write) writeFileAtomic(join(root, file), after);
  return {
    file,
    status: isChanged ? "changed" : left.length > 0 ? "left" : "unchanged",
    left: left.sort(),
    diff: isChanged ? patchOf(file, before, after) : "",
  };
}

interface SqlBlock {
  readonly id: string;
  readonly sql: string;
  /** Index of its first line in the file. */
  readonly first: number;
  readonly indent: string;
}

/** Where a node's SQL stands in its file, line by line; null where it has none, or not so. */
function sqlBlock(node: LoadedNode, lines: readonly string[], left: string[]): SqlBlock | null {
  const { spec, locator } = node;
  const field = findNodeKind(spec.kind)?.sqlField ?? null;
  if (field === null || isScriptNode(spec)) return null;
  const value = Object.entries(spec).find(([key]) => key === field)?.[1] as unknown;
  if (typeof value !== "string" || value.trim() === "") return null;
  const { line, column } = locator.locateInText([field], 1, 1);
  const indent = " ".repeat(column - 1);
  const matches = value.trimEnd().split("\n").every((text, i) => {
    const written = lines[line - 1 + i];
    return written === indent + text || (text.trim() === "" && written?.trim() === "");
  });
  if (matches) return { id: spec.id, sql: value, first: line - 1, indent };
  if (lines.some((text) => text.endsWith("\r"))) {
    left.push(`${spec.id}: lines that end in CR LF are left as they are`);
    return null;
  }
  // A short text on the line of its key is as good as it can be.
  if (value.includes("\n") || value.length > 80) {
    left.push(`${spec.id}: write its SQL as a block (${field}: |) to have it formatted`);
  }
  return null;
}

async function formatProven(session: Session, sql: string): Promise<FormattedSql> {
  const formatted = formatSql(sql);
  if (formatted === null) return { sql: null, problem: "its SQL cannot be laid out" };
  if (formatted === sql.trimEnd()) return { sql: formatted, problem: null };
  const [before, after] = [withoutTemplates(sql), withoutTemplates(formatted)];
  try {
    if (await session.statementCount(before) < 1) return { sql: null, problem: "it holds no SQL" };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return { sql: null, problem: `its SQL cannot be parsed: ${error.message}` };
  }
  const ids = ["before", "after"] as unknown as readonly [NodeId, NodeId];
  const trees = await readTrees(session, [
    { id: ids[0], sql: before },
    { id: ids[1], sql: after },
  ]);
  return trees.get(ids[0])!.queryHash === trees.get(ids[1])!.queryHash
    ? { sql: formatted, problem: null }
    : { sql: null, problem: "its SQL cannot be shown to mean the same in another layout" };
}

/** Templates as names, the same for the same template: what they stand for has no say in the layout. */
function withoutTemplates(sql: string): string {
  const names = new Map<string, string>();
  return tokenize(sql).map(({ kind, text }) => {
    if (kind !== "template") return text;
    const name = names.get(text) ?? `seeknal_template_${names.size}`;
    names.set(text, name);
    return name;
  }).join("");
}

function patchOf(file: string, before: string, after: string): string {
  return createTwoFilesPatch(file, file, before, after, "", "", { context: 3 })
    .replace(/^(Index: .*\n)?=+\n/, "").replace(/^(---|\+\+\+) (.*?)\t?$/gm, "$1 $2");
}
