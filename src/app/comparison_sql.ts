import { quoteName, readParquet } from "../engine/quote.ts";

/** A column that is compared, by its name on each side. */
export interface ComparedColumn {
  readonly source: string;
  readonly target: string;
  /** DuckDB type, the same on both sides. */
  readonly type: string;
}

/** A column by which rows are joined. */
export interface KeyColumn {
  readonly source: string;
  readonly target: string;
  /** The types have nothing in common but their text. */
  readonly asText: boolean;
}

/** What the statements of a comparison are about. */
export interface ComparisonShape {
  /** Empty for a bag. */
  readonly keys: readonly KeyColumn[];
  readonly columns: readonly ComparedColumn[];
  /** Digits behind the point that count. */
  readonly decimals: number;
  /** A condition for both sides, or null. */
  readonly where: string | null;
}

/**
 * Statements of a comparison. Inside, key columns are `k0`, `k1`, … and compared
 * ones `c0`, `c1`, …, so that no name of a column can get in the way.
 */
export class ComparisonSql {
  readonly #shape: ComparisonShape;
  readonly #schema: string;

  /** `schema` is the quoted name of the schema that everything is made in. */
  constructor(shape: ComparisonShape, schema: string) {
    this.#shape = shape;
    this.#schema = schema;
  }

  /** A view of one side with the columns under their inner names. */
  side(side: "source" | "target", path: string): string {
    const { keys, columns, where } = this.#shape;
    const parts = [
      "true AS here",
      ...keys.map((key, i) =>
        `${key.asText ? `CAST(${quoteName(key[side])} AS VARCHAR)` : quoteName(key[side])} AS k${i}`
      ),
      ...columns.map((column, i) => `${quoteName(column[side])} AS c${i}`),
    ];
    return `CREATE VIEW ${this.#table(side)} AS SELECT ${parts.join(", ")} ${
      filteredFrom(path, where)
    }`;
  }

  /** Reads how many rows a side has, and in how many of them a part of the key is NULL. */
  totals(side: "source" | "target"): string {
    const nulls = this.#keys().map((key) => `${key} IS NULL`).join(" OR ") || "false";
    return `SELECT count(*), count(*) FILTER (WHERE ${nulls}) FROM ${this.#table(side)}`;
  }

  /** A table of the keys that a side has more than once. Keys that join nothing do not count. */
  repeatedKeys(side: "source" | "target"): string {
    const keys = this.#keys().join(", ");
    const joinable = this.#isSingleKey ? "WHERE k0 IS NOT NULL" : "";
    return `CREATE TABLE ${this.#table(`${side}_repeated`)} AS SELECT ${keys}, count(*) AS n ` +
      `FROM ${this.#table(side)} ${joinable} GROUP BY ${keys} HAVING count(*) > 1`;
  }

  /** Reads how many rows of a side are there beyond the first one of their key. */
  duplicates(side: "source" | "target"): string {
    return `SELECT coalesce(sum(n - 1), 0)::BIGINT FROM ${this.#table(`${side}_repeated`)}`;
  }

  /**
   * A number for each row of a repeated key. Rows that have an equal row on the
   * other side come first and in the same order there, so that they meet; what is
   * left over is paired in the order of its values.
   */
  pairing(): string {
    const keys = this.#keys();
    const norms = this.#columnNames().flatMap((name, i) => this.#norms(name, i));
    const names = ["side", ...keys, ...this.#columnNames()].join(", ");
    const rowsOf = (side: "source" | "target") =>
      `SELECT '${side}' AS side, s.* FROM ${this.#table(side)} AS s ` +
      `SEMI JOIN ${this.#table("repeated")} AS r ON ${this.#isSameKey("s", "r")}`;
    const keyNames = keys.join(", ");
    const equalRows = [...keys, ...norms].join(", ");
    const order = ["is_met DESC", ...norms, "nth"].join(", ");
    return [
      `CREATE TABLE ${this.#table("repeated")} AS SELECT ${keyNames} FROM ${
        this.#table("source_repeated")
      } ` +
      `UNION SELECT ${keyNames} FROM ${this.#table("target_repeated")}`,
      `CREATE TABLE ${this.#table("paired")} AS
WITH both_sides AS (${rowsOf("source")} UNION ALL ${rowsOf("target")}),
numbered AS (
  SELECT *,
    row_number() OVER (PARTITION BY side, ${equalRows}) AS nth,
    count(*) FILTER (WHERE side = 'source') OVER (PARTITION BY ${equalRows}) AS in_source,
    count(*) FILTER (WHERE side = 'target') OVER (PARTITION BY ${equalRows}) AS in_target
  FROM both_sides
),
met AS (SELECT *, nth <= least(in_source, in_target) AS is_met FROM numbered)
SELECT ${names}, row_number() OVER (PARTITION BY side, ${keyNames} ORDER BY ${order}) AS pair FROM met`,
    ].join(";\n");
  }

  /** A table of the rows that are not the same on both sides, joined by key. */
  joinedDifferences(options: { readonly paired: boolean }): string {
    const keys = this.#keys();
    const columns = this.#columnNames();
    const selected = [
      "s.here IS NOT NULL AS in_source",
      "t.here IS NOT NULL AS in_target",
      ...keys.map((key) => `coalesce(s.${key}, t.${key}) AS ${key}`),
      ...columns.map((name, i) => `s.${name} AS s${i}, t.${name} AS t${i}`),
      ...columns.map((name, i) => `${this.#isSame(name, i)} AS e${i}`),
    ];
    const same = columns.map((_, i) => `e${i}`).join(" AND ") || "true";
    const on = this.#isSameKey("s", "t") + (options.paired ? " AND s.pair = t.pair" : "");
    const from = (side: "source" | "target") =>
      options.paired ? this.#withPairs(side) : this.#table(side);
    return `CREATE TABLE ${this.#table("differences")} AS SELECT ${selected.join(", ")} ` +
      `FROM ${from("source")} AS s FULL JOIN ${from("target")} AS t ON ${on} ` +
      `WHERE s.here IS NULL OR t.here IS NULL OR NOT (${same})`;
  }

  /** Reads the numbers of rows on one side only and in part the same, then for each column in how many it differs. */
  joinedCounts(): string {
    const differing = this.#columnNames().map((_, i) =>
      `count(*) FILTER (WHERE in_source AND in_target AND NOT e${i})`
    );
    return `SELECT ${
      [
        "count(*) FILTER (WHERE NOT in_target)",
        "count(*) FILTER (WHERE NOT in_source)",
        "count(*) FILTER (WHERE in_source AND in_target)",
        ...differing,
      ].join(", ")
    } FROM ${this.#table("differences")}`;
  }

  /**
   * Reads rows that are the same in part: the key, both sides' values, what is the
   * same. `differing` counts the rows each column differs in: every group of rows
   * with the same rarest difference has its turn, or a column that always differs
   * would hide the others.
   */
  partialSample(differing: readonly number[], limit: number): string {
    const byRarity = differing.map((count, i) => ({ count, i })).filter(({ count }) => count > 0)
      .sort((a, b) => a.count - b.count);
    const rarest = `CASE ${
      byRarity.map(({ i }, rank) => `WHEN NOT e${i} THEN ${rank}`).join(" ")
    } END`;
    const indexes = this.#columnNames().map((_, i) => i);
    const lists = ["s", "t", "e"].flatMap((letter) => indexes.map((i) => `${letter}${i}`));
    const keys = this.#keys();
    const values = indexes.flatMap((i) => [`s${i}`, `t${i}`]);
    const order = [...keys, ...values].join(", ");
    return `SELECT ${[...keys, ...lists].join(", ")} FROM (
  SELECT *, row_number() OVER (PARTITION BY rarest ORDER BY ${order}) AS turn
  FROM (SELECT *, ${rarest} AS rarest FROM ${
      this.#table("differences")
    } WHERE in_source AND in_target)
  QUALIFY turn <= ${limit} ORDER BY turn, rarest LIMIT ${limit}
) ORDER BY ${order}`;
  }

  /** Reads rows that only one side has: the key and its values. */
  onlySample(side: "source" | "target", limit: number): string {
    const names = [
      ...this.#keys(),
      ...this.#columnNames().map((_, i) => `${side === "source" ? "s" : "t"}${i}`),
    ].join(", ");
    const other = side === "source" ? "in_target" : "in_source";
    return `SELECT ${names} FROM ${this.#table("differences")} WHERE NOT ${other} ` +
      `ORDER BY ${names} LIMIT ${limit}`;
  }

  /** A table of the rows that one side has more often, with `net`: how much more often the source has it. */
  bagDifferences(): string {
    const columns = this.#columnNames();
    const groups = this.#bagGroups();
    const shown = columns.flatMap((name, i) =>
      this.#isRewritten(i) ? [`any_value(${name}) AS ${name}`] : []
    );
    const rows = (side: "source" | "target", weight: number) =>
      `SELECT ${columns.join(", ")}, ${weight}::TINYINT AS weight FROM ${this.#table(side)}`;
    return `CREATE TABLE ${this.#table("differences")} AS SELECT ${
      [...groups.map(({ sql, name }) => sql === name ? name : `${sql} AS ${name}`), ...shown].join(
        ", ",
      )
    }, sum(weight)::BIGINT AS net ` +
      `FROM (${rows("source", 1)} UNION ALL ${rows("target", -1)}) ` +
      `GROUP BY ${groups.map(({ sql }) => sql).join(", ")} HAVING sum(weight) <> 0`;
  }

  /** Reads how many rows the source has more, and the target. */
  bagCounts(): string {
    return `SELECT coalesce(sum(net) FILTER (WHERE net > 0), 0)::BIGINT, ` +
      `coalesce(-sum(net) FILTER (WHERE net < 0), 0)::BIGINT FROM ${this.#table("differences")}`;
  }

  /** Reads how many values of a column the rows that differ as a whole still have in common. */
  bagOverlap(column: number): string {
    const groups = this.#bagGroups().filter((group) => group.column === column);
    return `SELECT coalesce(sum(least(more, less)), 0)::BIGINT FROM (
  SELECT sum(greatest(net, 0)) AS more, sum(greatest(-net, 0)) AS less
  FROM ${this.#table("differences")} GROUP BY ${groups.map(({ name }) => name).join(", ")})`;
  }

  /** Reads rows that a side has more often, each as often as it has it more. */
  bagSample(side: "source" | "target", limit: number): string {
    const names = this.#columnNames().join(", ");
    const order = this.#bagGroups().map(({ name }) => name).join(", ");
    const times = side === "source" ? "net" : "-net";
    return `SELECT ${names} FROM (SELECT * FROM ${this.#table("differences")} ` +
      `WHERE ${times} > 0 ORDER BY ${order} LIMIT ${limit}), ` +
      `unnest(range(least(${times}, ${limit}))) AS copies(nth) ORDER BY ${order} LIMIT ${limit}`;
  }

  get #isSingleKey(): boolean {
    return this.#shape.keys.length === 1;
  }

  #table(name: string): string {
    return `${this.#schema}.${quoteName(name)}`;
  }

  #keys(): string[] {
    return this.#shape.keys.map((_, i) => `k${i}`);
  }

  #columnNames(): string[] {
    return this.#shape.columns.map((_, i) => `c${i}`);
  }

  #norms(value: string, column: number): string[] {
    return normalised(value, this.#shape.columns[column]!.type, this.#shape.decimals);
  }

  #isRewritten(column: number): boolean {
    return this.#norms("x", column)[0] !== "x";
  }

  /** What rows of a bag are grouped by: each column as it is compared. */
  #bagGroups(): { sql: string; name: string; column: number }[] {
    return this.#columnNames().flatMap((column, i) =>
      this.#norms(column, i).map((sql, part) => ({
        sql,
        name: sql === column ? column : `n${i}_${part}`,
        column: i,
      }))
    );
  }

  #isSame(name: string, column: number): string {
    const target = this.#norms(`t.${name}`, column);
    const parts = this.#norms(`s.${name}`, column).map((norm, i) =>
      `${norm} IS NOT DISTINCT FROM ${target[i]}`
    );
    return `(${parts.join(" AND ")})`;
  }

  /** A single key joins as `=` does, so NULL joins nothing; NULL is a value like any other in one part of several. */
  #isSameKey(a: string, b: string): string {
    const operator = this.#isSingleKey ? "=" : "IS NOT DISTINCT FROM";
    return this.#keys().map((key) => `${a}.${key} ${operator} ${b}.${key}`).join(" AND ");
  }

  /** A side whose rows of repeated keys are numbered; all others are the first of their key. */
  #withPairs(side: "source" | "target"): string {
    const names = ["true AS here", ...this.#keys(), ...this.#columnNames()].join(", ");
    return `(SELECT ${names}, 1 AS pair FROM ${this.#table(side)} AS s ` +
      `ANTI JOIN ${this.#table("repeated")} AS r ON ${this.#isSameKey("s", "r")} ` +
      `UNION ALL SELECT ${names}, pair FROM ${this.#table("paired")} WHERE side = '${side}')`;
  }
}

/** `FROM` one output with a condition. The line break ends a comment in it. */
export function filteredFrom(path: string, where: string | null): string {
  return `FROM ${readParquet(path)}${where === null ? "" : ` WHERE (\n${where}\n)`}`;
}

/**
 * What of a value is compared: its parts are equal when the values are. Numbers with
 * a fraction are rounded; those that do not fit (NaN, infinities, 1e300) stay as they
 * are. The entries of a map have no order.
 */
function normalised(value: string, type: string, decimals: number): string[] {
  const scale = type === "FLOAT" || type === "DOUBLE"
    ? Infinity
    : Number(/^DECIMAL\(\d+,\s*(\d+)\)$/.exec(type)?.[1] ?? 0);
  if (scale > decimals) {
    const rounded = `TRY_CAST(${value} AS DECIMAL(38,${decimals}))`;
    return [rounded, `CASE WHEN ${rounded} IS NULL THEN ${value} END`];
  }
  return /^MAP\(.*\)$/s.test(type) ? [`list_sort(map_entries(${value}))`] : [value];
}
