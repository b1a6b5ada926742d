import type { Scalar } from "../base/field_reader.ts";

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
  readonly connections: ReadonlyMap<string, ConnectionSpec>;
  /** Params that sources of a type have unless they say otherwise, by source type. */
  readonly sourceDefaults: Readonly<Record<string, Readonly<Record<string, Scalar>>>>;
  /** False: nothing is written outside. */
  readonly materialize: boolean;
  readonly schemaEvolution: SchemaEvolution;
}
