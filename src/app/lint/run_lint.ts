import { join } from "node:path";
import { readTextIfExists } from "../../base/atomic_write.ts";
import { didYouMean } from "../../base/closest.ts";
import { compareText, type Diagnostic, type Location } from "../../base/diagnostic.ts";
import { readersOf } from "../../dag/graph.ts";
import { openSession } from "../../engine/registry.ts";
import type { LintLevel } from "../../model/config.ts";
import { type NodeId, PROD } from "../../model/ids.ts";
import { findNodeKind } from "../../nodes/registry.ts";
import type { ResolvedNode } from "../../nodes/node_kind.ts";
import { isScriptNode } from "../../nodes/script_node.ts";
import { PROJECT_FILE } from "../../project/find_project.ts";
import { readEach } from "../../sql/read_each.ts";
import { lineAndColumn } from "../../sql/rewritten_text.ts";
import { type LoadedManifest, loadManifest } from "../load_manifest.ts";
import type { Workspace } from "../workspace.ts";
import { planEdits, writeEdits } from "./apply_fixes.ts";
import type { Finding, FixableFinding } from "./finding.ts";
import type { LintNode, LintRule, WrittenSql } from "./lint_rule.ts";
import { LINT_RULES } from "./registry.ts";
import { fromByteOffset, type Tree } from "./sql_tree.ts";
import { readSuppressions, type Suppressions } from "./suppressions.ts";

/** What lint found. */
export interface LintReport {
  /** By file and place. */
  readonly findings: readonly Finding[];
  /** What was found and is no more. */
  readonly fixed: readonly Finding[];
  /** Of loading the project. */
  readonly diagnostics: readonly Diagnostic[];
  /** Nodes looked at. */
  readonly nodes: number;
}

/** What lint is to do. */
export interface LintRequest {
  /** Project-relative files and folders; empty for all. */
  readonly paths: readonly string[];
  readonly fix: boolean;
}

/**
 * Looks at a project that loads by the rules it wants. With `fix`, what can be done about a finding without
 * changing what a query means is written into the files. Throws `invalid_project` (3).
 */
export async function lintProject(
  workspace: Workspace,
  { paths, fix }: LintRequest,
): Promise<LintReport> {
  const first = await look(workspace, paths);
  const edits = fix ? planEdits(workspace.root, first.findings) : [];
  if (edits.length === 0) return { ...first, findings: first.findings.map(plain), fixed: [] };
  const undo = writeEdits(workspace.root, edits);
  let second: Look;
  try {
    second = await look(workspace, paths);
  } catch (error) {
    undo();
    throw error;
  }
  if (!isSameProject(first.loaded, second.loaded)) {
    undo();
    workspace.notice("the fixes would have changed what a query means: nothing was written");
    return { ...first, findings: first.findings.map(plain), fixed: [] };
  }
  const { findings, diagnostics, nodes } = second;
  const fixed = edits.flatMap((edit) => edit.findings.map(plain));
  return { findings: findings.map(plain), fixed, diagnostics, nodes };
}

interface Look {
  readonly loaded: LoadedManifest;
  readonly findings: readonly FixableFinding[];
  readonly diagnostics: readonly Diagnostic[];
  readonly nodes: number;
}

async function look(workspace: Workspace, paths: readonly string[]): Promise<Look> {
  const { state, root } = workspace;
  const prod = await state.snapshot(state.head(PROD));
  const loaded = await loadManifest(workspace, [prod.manifest]);
  const rules = LINT_RULES.map((rule) => ({ rule, level: levelOf(rule, loaded.config.lint) }))
    .filter(({ level }) => level !== "off");
  const nodes = (await lintNodes(loaded)).filter(({ node }) => isIn(node.file, paths));
  const texts = new Map<string, Suppressions>();
  const suppressions = (file: string) => {
    const known = texts.get(file) ?? readSuppressions(readTextIfExists(join(root, file)) ?? "");
    texts.set(file, known);
    return known;
  };
  const project = { config: loaded.config, manifest: loaded.manifest };
  const findings = nodes.flatMap((node) =>
    rules.flatMap(({ rule, level }) =>
      [...rule.check(node, project)].map(({ message, hint, at, fix }): FixableFinding => ({
        rule: rule.id,
        severity: level === "error" ? "error" : "warning",
        node: node.node.id,
        message,
        ...at,
        hint: hint ?? null,
        fixable: fix !== undefined,
        fix: fix ?? null,
        sql: node.sql,
      }))
    )
  ).filter(({ file, rule, line }) => !suppressions(file).covers(rule, line));
  return {
    loaded,
    findings: findings.sort((a, b) =>
      compareText(a.file, b.file) || a.line - b.line || a.column - b.column ||
      compareText(a.rule, b.rule)
    ),
    diagnostics: [...loaded.diagnostics, ...unknownRules(root, loaded.config.lint)],
    nodes: nodes.length,
  };
}

/** How strict a project is about a rule. */
export function levelOf(rule: LintRule, levels: Readonly<Record<string, LintLevel>>): LintLevel {
  return Object.hasOwn(levels, rule.id) ? levels[rule.id]! : rule.level;
}

function unknownRules(
  root: string,
  levels: Readonly<Record<string, LintLevel>>,
): Diagnostic[] {
  const ids = LINT_RULES.map(({ id }) => id);
  const lines = (readTextIfExists(join(root, PROJECT_FILE)) ?? "").split("\n");
  return Object.keys(levels).filter((rule) => !ids.includes(rule)).map((rule) => {
    const line = lines.findIndex((text) => text.trim().startsWith(`${rule}:`)) + 1;
    return {
      severity: "warning",
      code: "unknown_rule",
      message: `Unknown lint rule "${rule}"`,
      file: PROJECT_FILE,
      ...(line === 0 ? {} : { line, column: lines[line - 1]!.indexOf(rule) + 1 }),
      hint: didYouMean(rule, ids) ?? "list the rules with: seeknal lint --rules",
    };
  });
}

function isIn(file: string, paths: readonly string[]): boolean {
  return paths.length === 0 ||
    paths.some((path) =>
      path === "" || path === "." || file === path || file.startsWith(`${path}/`)
    );
}

async function lintNodes({ manifest, resolved }: LoadedManifest): Promise<LintNode[]> {
  const readers = readersOf(manifest.nodes.values());
  const written = [...resolved.values()].flatMap((node) => {
    const raw = writtenSql(node);
    return raw === null ? [] : [{ id: node.node.spec.id, raw, resolved: node }];
  });
  const trees = await readTreesOf(written.map(({ id, resolved: { sql } }) => ({ id, sql })));
  const sqlOf = new Map(
    written.map(({ id, raw, resolved }) => [id, locatedSql(resolved, raw, trees.get(id) ?? null)]),
  );
  return [...resolved.values()].map(({ node }) => ({
    node: manifest.nodes.get(node.spec.id)!,
    loaded: node,
    readers: readers.get(node.spec.id) ?? [],
    sql: sqlOf.get(node.spec.id) ?? null,
  }));
}

/** What stands in the field of a node that holds SQL. */
function writtenSql({ node: { spec } }: ResolvedNode): string | null {
  const field = findNodeKind(spec.kind)?.sqlField ?? null;
  if (field === null || isScriptNode(spec)) return null;
  const value = Object.entries(spec).find(([key]) => key === field)?.[1] as unknown;
  return typeof value === "string" ? value : null;
}

async function readTreesOf(
  requests: readonly { readonly id: NodeId; readonly sql: string }[],
): Promise<Map<NodeId, Tree>> {
  if (requests.length === 0) return new Map();
  await using session = await openSession({ threads: 1, allowedDirs: [] });
  const texts = await readEach(session, requests, (sql) => [`json_serialize_sql(${sql})`]);
  return new Map([...texts].flatMap(([id, answer]): [NodeId, Tree][] => {
    const root = JSON.parse(answer?.[0] ?? "{}") as { statements?: Tree[] };
    const statement = root.statements?.[0];
    return statement === undefined ? [] : [[id, statement]];
  }));
}

function locatedSql(resolved: ResolvedNode, raw: string, tree: Tree | null): WrittenSql {
  const field = findNodeKind(resolved.node.spec.kind)!.sqlField!;
  return {
    raw,
    tree,
    locateRaw: (offset): Location => {
      const { line, column } = lineAndColumn(raw, offset);
      return resolved.node.locator.locateInText([field], line, column);
    },
    locateTree: (location): Location => {
      const offset = fromByteOffset(resolved.sql, location);
      const { line, column } = lineAndColumn(resolved.sql, offset);
      return resolved.locate(line, column);
    },
  };
}

/** True where every query still means what it meant. */
function isSameProject(before: LoadedManifest, after: LoadedManifest): boolean {
  const [old, now] = [before.manifest.nodes, after.manifest.nodes];
  return old.size === now.size && [...old].every(([id, node]) => {
    const other = now.get(id);
    return other?.query_hash === node.query_hash && other.fingerprint === node.fingerprint;
  });
}

function plain({ fix: _fix, sql: _sql, ...finding }: FixableFinding): Finding {
  return finding;
}
