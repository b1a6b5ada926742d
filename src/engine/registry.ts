import type { Session, SessionOptions } from "./session.ts";

/** A SQL engine that can be chosen. */
export interface EngineType {
  readonly name: string;
  /** Loads the engine's library on first use. */
  open(options: SessionOptions): Promise<Session>;
}

/** The engines, default first. */
export const ENGINES: readonly EngineType[] = [
  {
    name: "duckdb",
    open: async (options) => (await import("./duckdb.ts")).openDuckDb(options),
  },
];

/** Opens a session of the default engine. */
export function openSession(options: SessionOptions): Promise<Session> {
  return ENGINES[0]!.open(options);
}

/**
 * The version that fingerprints name. Pinned in `deno.json`, repeated here so that
 * planning an unchanged project need not load the library; a test compares the two.
 */
export const ENGINE_VERSION = "duckdb v1.5.5";
