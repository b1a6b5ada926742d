import { POSTGRES_TARGET } from "./postgres.ts";
import type { TargetType } from "./target_type.ts";

/** Every way to write tables outside, in the order in which help shows them. */
export const TARGET_TYPES: readonly TargetType[] = [POSTGRES_TARGET];

/** Other names that materializations use for a type. */
const ALIASES: Readonly<Record<string, string>> = { postgres: "postgresql" };

/** The target type of that name or alias, or null. */
export function findTargetType(name: string): TargetType | null {
  const known = Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
  return TARGET_TYPES.find((type) => type.name === known) ?? null;
}
