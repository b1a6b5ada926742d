import { didYouMean } from "../base/closest.ts";
import { UserError } from "../base/user_error.ts";
import { reachable, readersOf } from "../dag/graph.ts";
import type { NodeId } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";

/** What the user asked for on the command line; empty lists ask for nothing in particular. */
export interface Selection {
  /** Ids or bare names: these and everything downstream. */
  readonly nodes: readonly string[];
  /** Selector expressions, see {@linkcode matchSelector}. */
  readonly select: readonly string[];
  /** Nodes with any of these tags and everything upstream. */
  readonly tags: readonly string[];
  /** Leaves out nodes with any of these tags, last. */
  readonly excludeTags: readonly string[];
  /** Kinds that remain of what was selected. */
  readonly types: readonly string[];
}

/** The selection that asks for everything. */
export const SELECT_ALL: Selection = {
  nodes: [],
  select: [],
  tags: [],
  excludeTags: [],
  types: [],
};

/** Nodes chosen, and what the user should know about the choice. */
export interface Selected {
  readonly ids: ReadonlySet<NodeId>;
  readonly warnings: readonly string[];
}

/** True when a selection narrows anything. */
export function isPartial(selection: Selection): boolean {
  return [selection.nodes, selection.select, selection.tags, selection.excludeTags, selection.types]
    .some((list) => list.length > 0);
}

/**
 * Resolves a selection. `modified` are the nodes that `state:modified` stands for.
 * Throws a `UserError` `unknown_node` (exit 2) for a name that matches nothing.
 */
export function selectNodes(
  manifest: Manifest,
  selection: Selection,
  modified: ReadonlySet<NodeId>,
): Selected {
  const graph = graphOf(manifest);
  const warnings: string[] = [];
  let ids = chosen(manifest, graph, selection, modified, warnings);
  if (selection.types.length > 0) {
    checkKinds(manifest, selection.types);
    ids = new Set([...ids].filter((id) => selection.types.includes(kindOf(manifest, id))));
  }
  if (selection.excludeTags.length > 0) {
    ids = exclude(manifest, graph, ids, selection.excludeTags, warnings);
  }
  return { ids, warnings };
}

interface Graph {
  up(id: NodeId): Iterable<NodeId>;
  down(id: NodeId): Iterable<NodeId>;
}

function graphOf(manifest: Manifest): Graph {
  const readers = readersOf(manifest.nodes.values());
  return {
    up: (id) => manifest.nodes.get(id)?.inputs ?? [],
    down: (id) => readers.get(id) ?? [],
  };
}

function chosen(
  manifest: Manifest,
  graph: Graph,
  selection: Selection,
  modified: ReadonlySet<NodeId>,
  warnings: string[],
): Set<NodeId> {
  const { nodes, select, tags } = selection;
  if (nodes.length + select.length + tags.length === 0) return new Set(manifest.nodes.keys());
  const named = nodes.flatMap((name) => [...matchSelector(name, manifest, graph, modified)]);
  const tagged = [...manifest.nodes.values()].filter((n) => hasTag(n, tags)).map((n) => n.id);
  if (tags.length > 0 && tagged.length === 0) {
    warnings.push(`No nodes have the tags: ${tags.join(", ")}`);
  }
  return new Set([
    ...reachable(named, graph.down),
    ...reachable(tagged, graph.up),
    ...select.flatMap((text) => [...selectExpression(text, manifest, graph, modified)]),
  ]);
}

/** Space joins (union), comma narrows (intersection), as in dbt. */
function selectExpression(
  text: string,
  manifest: Manifest,
  graph: Graph,
  modified: ReadonlySet<NodeId>,
): Set<NodeId> {
  const result = new Set<NodeId>();
  for (const part of text.trim().split(/\s+/)) {
    const sets = part.split(",").map((term) => matchSelector(term, manifest, graph, modified));
    for (const id of sets[0]!) if (sets.every((set) => set.has(id))) result.add(id);
  }
  return result;
}

const TERM_REGEXP = /^(\d*\+)?(.*?)(\+\d*)?$/;

/**
 * One term of the selector grammar: `name`, `kind.name`, globs, `kind:`, `tag:`,
 * `path:`, `state:modified`, with `+` before (upstream too) or behind (downstream
 * too) and an optional number of steps, `2+name+1`.
 */
export function matchSelector(
  term: string,
  manifest: Manifest,
  graph: Graph,
  modified: ReadonlySet<NodeId>,
): Set<NodeId> {
  const [, up, core, down] = TERM_REGEXP.exec(term)!;
  const start = matchCore(core!, manifest, modified);
  const steps = (text: string) => {
    const digits = text.replace("+", "");
    return digits === "" ? Infinity : Number(digits);
  };
  return new Set([
    ...start,
    ...(up === undefined ? [] : reachable(start, graph.up, steps(up))),
    ...(down === undefined ? [] : reachable(start, graph.down, steps(down))),
  ]);
}

function matchCore(
  core: string,
  manifest: Manifest,
  modified: ReadonlySet<NodeId>,
): Set<NodeId> {
  const method = /^(kind|type|tag|path|state|name):(.*)$/.exec(core);
  const nodes = [...manifest.nodes.values()];
  const pick = (test: (node: ManifestNode) => boolean) =>
    new Set(nodes.filter(test).map((node) => node.id));
  const value = method?.[2] ?? core;
  switch (method?.[1]) {
    case "kind":
    case "type": {
      const found = pick((node) => node.kind === value);
      if (found.size === 0) checkSpelling(value, nodes.map(({ kind }) => kind), core);
      return found;
    }
    case "tag":
      return pick((node) => hasTag(node, [value]));
    case "path":
      return pick((node) =>
        matches(value, node.file) || node.file.startsWith(`${value.replace(/\/$/, "")}/`)
      );
    case "state":
      if (value === "modified") return new Set(modified);
      throw new UserError(`Unknown state "${value}" in selector "${core}"`, {
        code: "invalid_selector",
        kind: "usage",
        hint: "write state:modified",
      });
  }
  const unknown = method === null ? /^(\w+):/.exec(core)?.[1] : undefined;
  if (unknown !== undefined) throw unknownMethod(unknown, core);
  const found = pick((node) => matches(value, node.id) || matches(value, node.name));
  if (found.size === 0) throw unknownNode(value, nodes);
  return found;
}

const METHODS = ["kind", "type", "tag", "path", "state", "name"];

function unknownMethod(method: string, core: string): UserError {
  const hint = didYouMean(method, METHODS)?.replace(/"\?$/, ':"?');
  return new UserError(`Unknown method "${method}:" in selector "${core}"`, {
    code: "invalid_selector",
    kind: "usage",
    hint: hint ?? `write one of: ${METHODS.map((name) => `${name}:`).join(", ")}`,
  });
}

/** A kind that no node has may be meant; one that is almost another is misspelt. */
function checkSpelling(value: string, kinds: readonly string[], core: string): void {
  const hint = didYouMean(value, new Set(kinds));
  if (hint === undefined) return;
  throw new UserError(`No node is of kind "${value}" in selector "${core}"`, {
    code: "unknown_type",
    kind: "usage",
    hint,
  });
}

function unknownNode(name: string, nodes: readonly ManifestNode[]): UserError {
  const known = nodes.flatMap((node) => [node.id as string, node.name]);
  return new UserError(`Unknown node "${name}"`, {
    code: "unknown_node",
    kind: "usage",
    hint: didYouMean(name, known) ?? "list the nodes with: seeknal list",
  });
}

function matches(pattern: string, text: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === text;
  const source = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`, "u").test(text);
}

function hasTag(node: ManifestNode, tags: readonly string[]): boolean {
  return node.tags.some((tag) => tags.includes(tag));
}

function kindOf(manifest: Manifest, id: NodeId): string {
  return manifest.nodes.get(id)!.kind;
}

function checkKinds(manifest: Manifest, types: readonly string[]): void {
  const known = new Set([...manifest.nodes.values()].map((node) => node.kind));
  const unknown = types.find((type) => !known.has(type));
  if (unknown === undefined) return;
  throw new UserError(`No node is of type "${unknown}"`, {
    code: "unknown_type",
    kind: "usage",
    hint: didYouMean(unknown, known) ?? `this project has: ${[...known].sort().join(", ")}`,
  });
}

function exclude(
  manifest: Manifest,
  graph: Graph,
  ids: ReadonlySet<NodeId>,
  tags: readonly string[],
  warnings: string[],
): Set<NodeId> {
  const excluded = new Set([...ids].filter((id) => hasTag(manifest.nodes.get(id)!, tags)));
  const remaining = new Set([...ids].filter((id) => !excluded.has(id)));
  for (const id of excluded) {
    for (const reader of graph.down(id)) {
      if (remaining.has(reader)) {
        warnings.push(
          `Upstream node '${id}' excluded by --exclude-tags but required by '${reader}'`,
        );
      }
    }
  }
  return remaining;
}
