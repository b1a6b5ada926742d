import { didYouMean } from "../base/closest.ts";
import { UserError } from "../base/user_error.ts";
import { isEnvName } from "../model/env_name.ts";
import type { NodeId } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";

/** Columns named in a hint; more would not be read. */
const COLUMNS_SHOWN = 10;

/**
 * The node that `kind.name`, a bare name or `kind_name` means, in any case, the first of
 * these that fits. `state` names what the manifest is of; absent for the project's files.
 * Throws a `UserError` `unknown_node` or, for a name that several nodes have, `ambiguous_node` (2).
 */
export function findNode(manifest: Manifest, typed: string, state?: string): ManifestNode {
  const found = nodesNamed(manifest, typed);
  if (found.length === 1) return found[0]!;
  const place = state === undefined ? "" : ` in ${state}`;
  if (found.length > 1) {
    throw new UserError(`"${typed}" is the name of several nodes${place}`, {
      code: "ambiguous_node",
      kind: "usage",
      hint: `write one of: ${found.map(({ id }) => id).join(", ")}`,
    });
  }
  const names = [...manifest.nodes.values()].flatMap(({ id, name }) => [id as string, name]);
  const list = state !== undefined && isEnvName(state)
    ? `seeknal list --env ${state}`
    : "seeknal list";
  throw new UserError(`Unknown node "${typed}"${place}`, {
    code: "unknown_node",
    kind: "usage",
    hint: didYouMean(typed, names) ?? `list the nodes with: ${list}`,
  });
}

/** All nodes that a name on the command line may mean; see {@linkcode findNode}. */
export function nodesNamed({ nodes }: Manifest, typed: string): ManifestNode[] {
  const exact = nodes.get(typed as NodeId);
  if (exact !== undefined) return [exact];
  const wanted = typed.toLowerCase();
  const spellings: ((node: ManifestNode) => string)[] = [
    ({ id }) => id,
    ({ name }) => name,
    ({ kind, name }) => `${kind}_${name}`,
  ];
  for (const spelling of spellings) {
    const found = [...nodes.values()].filter((node) => spelling(node).toLowerCase() === wanted);
    if (found.length > 0) return found;
  }
  return [];
}

/**
 * Splits `kind.name.column` or `name.column`; the column is null where the text names a node.
 * Throws what {@linkcode findNode} throws, and `unknown_column` (2).
 */
export function findNodeOrColumn(
  manifest: Manifest,
  typed: string,
  state?: string,
): { node: ManifestNode; column: string | null } {
  const isNode = (text: string) => nodesNamed(manifest, text).length > 0;
  const dots = [...typed.matchAll(/\./g)].map(({ index }) => index);
  // The longest name of a node wins: kind.name.column before name.column.
  const at = isNode(typed) ? undefined : dots.findLast((dot) => isNode(typed.slice(0, dot)));
  if (at === undefined) return { node: findNode(manifest, typed, state), column: null };
  const node = findNode(manifest, typed.slice(0, at), state);
  const wanted = typed.slice(at + 1);
  const column = node.shape.columns.find(({ name }) => name.toLowerCase() === wanted.toLowerCase());
  if (column !== undefined) return { node, column: column.name };
  const names = node.shape.columns.map(({ name }) => name);
  const more = names.length > COLUMNS_SHOWN ? ", …" : "";
  throw new UserError(`${node.id} has no column "${wanted}"`, {
    code: "unknown_column",
    kind: "usage",
    hint: didYouMean(wanted, names) ?? `it has: ${names.slice(0, COLUMNS_SHOWN).join(", ")}${more}`,
  });
}
