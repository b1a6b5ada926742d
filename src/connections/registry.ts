import type { ConnectionType } from "../model/connection_type.ts";
import { POSTGRESQL } from "../postgres/connection_type.ts";

/** Every kind of outside system, in the order in which help shows them. */
export const CONNECTION_TYPES: readonly ConnectionType[] = [POSTGRESQL];

/** Other names that profiles use for a type. */
const ALIASES: Readonly<Record<string, string>> = { postgres: "postgresql" };

/** The connection type of that name or alias, or null. */
export function findConnectionType(name: string): ConnectionType | null {
  const known = Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
  return CONNECTION_TYPES.find((type) => type.name === known) ?? null;
}
