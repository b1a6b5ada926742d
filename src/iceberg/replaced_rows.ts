import { UserError } from "../base/user_error.ts";
import { quoteName } from "../engine/quote.ts";
import type { Session } from "../engine/session.ts";
import type { TableWrite } from "../model/materialization.ts";
import { partitionExpressions } from "./write_data.ts";
import type { PartitionSpec, TableSchema } from "./table_metadata.ts";

/** Rows that come, as a relation in the types of the table. */
export interface NewRows {
  /** A parenthesised SELECT. */
  readonly relation: string;
  readonly schema: TableSchema;
}

/** The rows of an output that a mode brings in, of all that it has. */
export async function effectiveRows(
  write: TableWrite,
  output: NewRows & { readonly order: string },
  session: Session,
): Promise<string> {
  if (write.spec.mode === "incremental_by_time") await refuseMissingTimes(write, output, session);
  if (write.spec.mode !== "upsert_by_key") return output.relation;
  const keys = write.spec.unique_keys ?? [];
  const isNull = keys.map((key) => `${quoteName(key)} IS NULL`).join(" OR ");
  const nulls = await count(session, `${output.relation} WHERE ${isNull}`);
  if (nulls > 0 && write.spec.null_keys !== "skip") {
    throw refused(
      write,
      "null_keys",
      `${nulls} ${nulls === 1 ? "row has" : "rows have"} no key (${keys.join(", ")})`,
      "leave them out in the query, or write null_keys: skip",
    );
  }
  const keyed = `${output.relation} WHERE NOT (${isNull})`;
  const list = keys.map(quoteName).join(", ");
  const doubles = await count(
    session,
    `(SELECT ${list} FROM ${keyed} GROUP BY ${list} HAVING count(*) > 1)`,
  );
  if (doubles === 0) return `(SELECT * FROM ${keyed})`;
  if (write.spec.duplicate_keys !== "last") {
    throw refused(
      write,
      "duplicate_keys",
      `${doubles} ${doubles === 1 ? "key has" : "keys have"} several rows (${keys.join(", ")})`,
      "keep one in the query, or write duplicate_keys: last",
    );
  }
  return `(SELECT * EXCLUDE (${output.order}) FROM (SELECT * FROM (SELECT *, row_number() OVER () AS ${output.order} FROM ${output.relation}) WHERE NOT (${isNull})
    QUALIFY row_number() OVER (PARTITION BY ${list} ORDER BY ${output.order} DESC) = 1))`;
}

async function refuseMissingTimes(
  write: TableWrite,
  output: NewRows,
  session: Session,
): Promise<void> {
  const column = write.spec.time_column ?? "";
  const nulls = await count(session, `${output.relation} WHERE ${quoteName(column)} IS NULL`);
  if (nulls === 0) return;
  throw refused(
    write,
    "null_times",
    `${nulls} ${nulls === 1 ? "row has" : "rows have"} no ${column}, by which rows are replaced`,
    "leave them out in the query",
  );
}

/**
 * Condition on a row `t` of the table that is replaced by new rows `n`, over the table's columns; null where
 * nothing is. For `incremental_by_time` that is a row whose time lies between the first and the last new one, both
 * included, on a day (UTC) of which there are new rows. Other rows stay: `lookback` says how far back a node
 * reads again, and gives no right to delete what it did not bring.
 */
export async function replacedCondition(
  write: TableWrite,
  rows: NewRows,
  spec: PartitionSpec,
  session: Session,
): Promise<string | null> {
  switch (write.spec.mode) {
    case "upsert_by_key": {
      const keys = (write.spec.unique_keys ?? []).map(quoteName);
      const equal = keys.map((key) => `n.${key} = t.${key}`).join(" AND ");
      return `EXISTS (SELECT 1 FROM ${rows.relation} n WHERE ${equal})`;
    }
    case "overwrite_partitions": {
      const parts = partitionExpressions(spec, rows.schema);
      const names = parts.map(({ sql }, i) => `${sql} AS seeknal_p${i}`).join(", ");
      const equal = parts.map(({ sql }, i) => `n.seeknal_p${i} IS NOT DISTINCT FROM ${sql}`).join(
        " AND ",
      );
      return `EXISTS (SELECT 1 FROM (SELECT DISTINCT ${names} FROM ${rows.relation}) n WHERE ${equal})`;
    }
    case "incremental_by_time":
      return await timeCondition(write, rows, session);
    default:
      return null;
  }
}

async function timeCondition(
  write: TableWrite,
  rows: NewRows,
  session: Session,
): Promise<string | null> {
  const name = quoteName(write.spec.time_column ?? "");
  const found = await session.read(
    `SELECT CAST(min(${name}) AS VARCHAR), CAST(max(${name}) AS VARCHAR), any_value(typeof(${name})) FROM ${rows.relation}`,
  );
  const [first, last, type] = found.rows[0] ?? [];
  if (first === null || first === undefined) return null;
  const at = (value: unknown) => `CAST('${String(value)}' AS ${String(type)})`;
  const range = `t.${name} BETWEEN ${at(first)} AND ${at(last)}`;
  if (!/^(DATE|TIMESTAMP.*)$/.test(String(type))) return range;
  return `${range} AND CAST(t.${name} AS DATE) IN (SELECT CAST(n.${name} AS DATE) FROM ${rows.relation} n)`;
}

async function count(session: Session, relation: string): Promise<number> {
  const { rows } = await session.read(`SELECT CAST(count(*) AS VARCHAR) FROM ${relation}`);
  return Number(rows[0]?.[0] ?? 0);
}

function refused(write: TableWrite, code: string, what: string, hint: string): UserError {
  return new UserError(`Cannot write ${write.target}: ${what}`, { code, kind: "execution", hint });
}
