/** An SQL identifier in double quotes. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** An SQL string literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** `"kind"."name"` for a node id. */
export function quoteNodeId(id: string): string {
  const dot = id.indexOf(".");
  return `${quoteName(id.slice(0, dot))}.${quoteName(id.slice(dot + 1))}`;
}

/**
 * `read_parquet(…)` of one file, taken literally: a folder named `key=value` above
 * it adds no column.
 */
export function readParquet(path: string): string {
  return `read_parquet(${quoteText(path)}, hive_partitioning = false)`;
}

/** A list literal of strings, `['a', 'b']`. */
export function quoteList(items: readonly string[]): string {
  return `[${items.map(quoteText).join(", ")}]`;
}
