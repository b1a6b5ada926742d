declare const brand: unique symbol;
type Branded<T extends string> = string & { readonly [brand]: T };

/** `kind.name`, for example `transform.clean_orders`. */
export type NodeId = Branded<"NodeId">;
/** Hex SHA-256 that stands for everything a node's rows depend on. */
export type Fingerprint = Branded<"Fingerprint">;
/** Hex SHA-256 of a node output's bytes; also its file name in `target/cache/objects/`. */
export type ContentHash = Branded<"ContentHash">;
/** Hex SHA-1 name of a commit in the state repository. */
export type CommitId = Branded<"CommitId">;
/** A normalised environment name (`model/env_name.ts`). */
export type EnvName = Branded<"EnvName">;

/** The id of a node; `kind` and `name` are trusted to be valid. */
export function nodeId(kind: string, name: string): NodeId {
  return `${kind}.${name}` as NodeId;
}

/** Splits an id at its first dot. */
export function splitNodeId(id: NodeId): { kind: string; name: string } {
  const dot = id.indexOf(".");
  return { kind: id.slice(0, dot), name: id.slice(dot + 1) };
}

/** The environment every other one is compared with. */
export const PROD = "prod" as EnvName;
