import type { ReadVariable } from "../base/interpolate.ts";
import type { ConnectionSpec } from "./profile.ts";

/** One option of a connection type. */
export interface ConnectionOption {
  readonly doc: string;
  readonly type: "text" | "integer" | "number" | "boolean";
  readonly required?: boolean;
  /** True for what must not be written into a profile in the clear: passwords, tokens. */
  readonly secret?: boolean;
  /** The values it may have. */
  readonly values?: readonly string[];
}

/** What a connection test found out. */
export interface ConnectionReport {
  /** `PostgreSQL 16.4 at db.example.org:5432, database shop, as etl`; without secrets. */
  readonly server: string;
  /** Facts worth knowing, a line each: TLS, schemas it may create in, … */
  readonly facts: readonly string[];
}

/** A kind of outside system that a profile can name. */
export interface ConnectionType {
  readonly name: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, ConnectionOption>>;
  /** Connects, looks around, writes nothing. Throws `UserError`s of kind `dependency` (5), `usage` (2), `security` (6). */
  test(
    connection: ConnectionSpec,
    context: { readonly env: ReadVariable; readonly root: string },
  ): Promise<ConnectionReport>;
}
