import { UserError } from "../base/user_error.ts";

/** A namespace or table for messages: `shop.orders`. */
export function displayName(levels: readonly string[]): string {
  return levels.length === 0 ? "(top)" : levels.join(".");
}

/**
 * A folder below a location for levels of a name. Throws a `UserError` `table_name_invalid` (2)
 * for a level that would lead out of it.
 */
export function locationBelow(parent: string, levels: readonly string[]): string {
  return [parent.replace(/\/+$/, ""), ...levels.map(folderName)].join("/");
}

function folderName(level: string): string {
  if (level !== "" && level !== "." && level !== "..") return encodeURIComponent(level);
  throw new UserError(`"${level}" cannot be the name of an Iceberg table or namespace`, {
    code: "table_name_invalid",
    kind: "usage",
  });
}
