import { didYouMean } from "../base/closest.ts";
import { UserError } from "../base/user_error.ts";
import type { NodeId } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";

/**
 * The node that `kind.name`, `kind_name` or a bare name means, in any case.
 * Throws a `UserError` `unknown_node` (2), also for a bare name that several nodes have.
 */
export function findNode({ nodes }: Manifest, typed: string): ManifestNode {
  const exact = nodes.get(typed as NodeId);
  if (exact !== undefined) return exact;
  const wanted = typed.toLowerCase();
  const found = [...nodes.values()].filter(({ id, kind, name }) =>
    [id, name, `${kind}_${name}`].some((spelling) => spelling.toLowerCase() === wanted)
  );
  if (found.length === 1) return found[0]!;
  const names = [...nodes.values()].flatMap(({ id, name }) => [id as string, name]);
  throw new UserError(
    found.length > 1
      ? `"${typed}" is the name of several nodes: ${found.map(({ id }) => id).join(", ")}`
      : `Unknown node "${typed}"`,
    {
      code: "unknown_node",
      kind: "usage",
      hint: found.length > 1
        ? `write ${found[0]!.id}`
        : didYouMean(typed, names) ?? "list the nodes with: seeknal lineage",
    },
  );
}

/**
 * Splits `kind.name.column` or `name.column`; the column is null where the text names a node.
 * Throws `unknown_node` and `unknown_column` (2).
 */
export function findNodeOrColumn(
  manifest: Manifest,
  typed: string,
): { node: ManifestNode; column: string | null } {
  const dots = [...typed.matchAll(/\./g)].map(({ index }) => index);
  const isNode = (text: string) => {
    try {
      findNode(manifest, text);
      return true;
    } catch (error) {
      if (error instanceof UserError) return false;
      throw error;
    }
  };
  const split = isNode(typed) ? undefined : dots.find((at) => isNode(typed.slice(0, at)));
  if (split === undefined) return { node: findNode(manifest, typed), column: null };
  // The longest name of a node wins: kind.name.column before name.column.
  const at = dots.findLast((dot) => isNode(typed.slice(0, dot)))!;
  const node = findNode(manifest, typed.slice(0, at));
  const wanted = typed.slice(at + 1);
  const column = node.shape.columns.find(({ name }) => name.toLowerCase() === wanted.toLowerCase());
  if (column !== undefined) return { node, column: column.name };
  const names = node.shape.columns.map(({ name }) => name);
  throw new UserError(`${node.id} has no column "${wanted}"`, {
    code: "unknown_column",
    kind: "usage",
    hint: didYouMean(wanted, names) ?? `it has: ${names.join(", ")}`,
  });
}
