import { POSTGRESQL } from "../postgres/connection_type.ts";
import type { ConnectionType } from "./connection_type.ts";

/** Every kind of outside system that a profile can name, in the order in which help shows them. */
export const CONNECTION_TYPES: readonly ConnectionType[] = [POSTGRESQL];

/** The connection type of that name, or null. */
export function findConnectionType(name: string): ConnectionType | null {
  return CONNECTION_TYPES.find((type) => type.name === name) ?? null;
}
