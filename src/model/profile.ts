import { compactJson } from "../base/canonical_json.ts";
import { didYouMean } from "../base/closest.ts";
import type { Scalar } from "../base/field_reader.ts";
import { sha256 } from "../base/hash.ts";
import { UserError } from "../base/user_error.ts";
import type { ParamValue } from "./param_value.ts";

/** One outside system as a profile names it. Holds `${VAR}` as written, never what it stands for. */
export interface ConnectionSpec {
  /** The name that sources and materializations use. */
  readonly name: string;
  /** Name of a connection type (`connections/registry.ts`): `postgresql`, `iceberg`. */
  readonly type: string;
  readonly options: Readonly<Record<string, Scalar>>;
  /** Profile it stands in, as messages show it. */
  readonly file: string;
}

/** How a table outside may follow a change of a node's columns. */
export type SchemaEvolution = "safe" | "auto" | "strict";

/** A profile file, normalised. */
export interface Profile {
  /** As it is recorded in plans: project-relative, or `~/.seeknal/…`; null when there is no file. */
  readonly file: string | null;
  /** Hash of what it says, as written. */
  readonly hash: string;
  readonly connections: ReadonlyMap<string, ConnectionSpec>;
  /** Params that sources of a type have unless they say otherwise, by source type. */
  readonly sourceDefaults: Readonly<Record<string, Readonly<Record<string, ParamValue>>>>;
  /** The Iceberg catalog of tables whose first part is no connection; null where there is none. */
  readonly catalog: ConnectionSpec | null;
  /** False: nothing is written outside. */
  readonly materialize: boolean;
  readonly schemaEvolution: SchemaEvolution;
}

/** Params that sources of a type have unless they say otherwise; those of `json` hold for `jsonl` too. */
export function sourceDefaultsOf(
  { sourceDefaults }: Profile,
  type: string,
): Readonly<Record<string, ParamValue>> {
  const own = sourceDefaults[type] ?? {};
  return type === "jsonl" ? { ...sourceDefaults["json"], ...own } : own;
}

/**
 * The connection that a node names. Throws a `UserError` `unknown_connection` (2) that says
 * what there is.
 */
export function connectionOf(profile: Profile, name: string, type: string): ConnectionSpec {
  const found = profile.connections.get(name);
  if (found?.type === type) return found;
  if (found === undefined && type === "iceberg" && profile.catalog !== null) {
    return { ...profile.catalog, name };
  }
  const where = profile.file ?? "there is no profiles.yml";
  const names = [...profile.connections.values()].filter((c) => c.type === type)
    .map((c) => c.name);
  throw new UserError(
    found === undefined
      ? `Unknown connection "${name}" (${where})`
      : `Connection "${name}" is of type ${found.type}, not ${type} (${where})`,
    {
      code: "unknown_connection",
      kind: "usage",
      hint: profile.file === null
        ? `write profiles.yml:\n    connections:\n      ${name}:\n        type: ${type}`
        : didYouMean(name, names) ??
          (names.length === 0
            ? `add it to ${profile.file}:\n    connections:\n      ${name}:\n        type: ${type}`
            : `available: ${names.join(", ")}`),
    },
  );
}

/** Options that say which database or catalog a connection leads to. */
const IDENTITY = ["host", "port", "database", "uri", "warehouse", "catalog_name"];

/** True where two connections lead to the same system, as far as their text tells. */
export function leadsToSame(a: ConnectionSpec, b: ConnectionSpec): boolean {
  return a.type === b.type && IDENTITY.every((name) => a.options[name] === b.options[name]);
}

/** Names the system that a connection leads to, as far as its text tells: equal where {@linkcode leadsToSame} is true. */
export function systemOf({ type, options }: ConnectionSpec): string {
  const where = IDENTITY.map((name) => options[name] ?? null);
  return sha256(compactJson([type, ...where])).slice(0, 12);
}
