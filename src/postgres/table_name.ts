/** Bytes that an identifier of PostgreSQL may have (NAMEDATALEN - 1). */
export const NAME_BYTES = 63;

/** A table's schema and name. */
export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** Prefix of everything that Seeknal keeps in a schema for itself. */
export const OWN_PREFIX = "_seeknal";

/** Reads `schema.table`, each part plain or in double quotes; or says what is wrong with it. */
export function parseTableName(text: string): TableName | { readonly problem: string } {
  const parts = [...text.matchAll(/\s*("(?:""|[^"])+"|[^".\s][^".]*?)\s*(\.|$)/gy)];
  const read = parts.map((match) => match[0]).join("");
  if (read !== text || parts.length !== 2 || parts[1]![2] !== "") {
    return { problem: `"${text}" is not a table of the form schema.table` };
  }
  const [schema, name] = parts.map(([, part]) =>
    part!.startsWith('"') ? part!.slice(1, -1).replaceAll('""', '"') : part!
  );
  for (const part of [schema!, name!]) {
    if (part.includes("\0")) return { problem: `"${text}" has a NUL character in it` };
  }
  if (schema!.startsWith("pg_") || schema === "information_schema") {
    return { problem: `schema "${schema}" belongs to PostgreSQL itself` };
  }
  if (schema!.startsWith(OWN_PREFIX) || name!.startsWith(OWN_PREFIX)) {
    return { problem: `names that begin with ${OWN_PREFIX} are Seeknal's own` };
  }
  return { schema: schema!, name: name! };
}

/** The table's name in an environment: `dev_analytics.orders`; production (null) has the plain one. */
export function tableInEnvironment(
  table: TableName,
  environment: string | null,
): TableName | { readonly problem: string } {
  const prefix = environment === null ? "" : `${environment.replaceAll("-", "_")}_`;
  const result = { schema: `${prefix}${table.schema}`, name: table.name };
  for (const [what, part] of [["schema", result.schema], ["table", result.name]] as const) {
    const bytes = new TextEncoder().encode(part).length;
    if (bytes > NAME_BYTES) {
      return {
        problem: `the name of ${what} "${part}" has ${bytes} bytes; ` +
          `PostgreSQL would cut it off after ${NAME_BYTES}`,
      };
    }
  }
  return result;
}

/** `analytics.orders`; parts in quotes where they would not be read back otherwise. */
export function showTable(table: TableName): string {
  return [table.schema, table.name]
    .map((part) => /^[^".\s]+$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`)
    .join(".");
}
