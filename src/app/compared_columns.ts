import { didYouMean } from "../base/closest.ts";
import { UserError } from "../base/user_error.ts";
import { readParquet } from "../engine/quote.ts";
import type { Session } from "../engine/session.ts";
import type { KeyColumn } from "./comparison_sql.ts";

/** One of two outputs. */
export interface ComparedOutput {
  /** What messages call it: an environment, a commit. */
  readonly name: string;
  /** Absolute path of the Parquet file. */
  readonly path: string;
}

/** A column with its type. */
export interface Column {
  readonly name: string;
  readonly type: string;
}

/** The columns of an output. */
export async function columnsOf(session: Session, path: string): Promise<Column[]> {
  const { rows } = await session.read(`DESCRIBE FROM ${readParquet(path)}`);
  return rows.map(([name, type]) => ({ name: String(name), type: String(type) }));
}

/** Columns that both sides have by name, in the order of the source. */
export function pairColumns(
  before: readonly Column[],
  after: readonly Column[],
  ignoreCase: boolean,
): { source: Column; target: Column }[] {
  const spelled = (name: string) => ignoreCase ? name.toLowerCase() : name;
  const targets = new Map(after.map((column) => [spelled(column.name), column]));
  return before.flatMap((source) => {
    const target = targets.get(spelled(source.name));
    return target === undefined ? [] : [{ source, target }];
  });
}

/** Names of columns on the command line are taken in any case, as SQL takes them. */
function findColumn(name: string, columns: readonly Column[]): Column | undefined {
  return columns.find((column) => column.name === name) ??
    columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
}

/** The column of a key on both sides. Throws `unknown_column` (2). */
export function keyColumn(
  name: string,
  outputs: { readonly source: ComparedOutput; readonly target: ComparedOutput },
  before: readonly Column[],
  after: readonly Column[],
): KeyColumn {
  const [source, target] = [findColumn(name, before), findColumn(name, after)];
  if (source === undefined || target === undefined) {
    const [columns, side] = source === undefined
      ? [before, outputs.source.name]
      : [after, outputs.target.name];
    throw unknownColumn(
      `Cannot join on "${name}": there is no such column in ${side}`,
      name,
      columns,
    );
  }
  return {
    source: source.name,
    target: target.name,
    asText: source.type !== target.type && familyOf(source.type) !== familyOf(target.type),
  };
}

/** Types of one family can be compared with `=`. */
function familyOf(type: string): string {
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*)$/.test(type)) return "number";
  return /^(DATE|TIMESTAMP)/.test(type) ? "time" : type;
}

/** Throws `unknown_column` and `invalid_option` (2) for columns that cannot be left out. */
export function checkSkipped(
  skipped: readonly string[],
  keys: readonly KeyColumn[],
  columns: readonly Column[],
): void {
  for (const name of skipped) {
    const column = findColumn(name, columns);
    if (column === undefined) {
      throw unknownColumn(`Cannot skip "${name}": there is no such column`, name, columns);
    }
    if (keys.some(({ source, target }) => [source, target].includes(column.name))) {
      throw new UserError(`Cannot skip "${name}": rows are joined on it`, {
        code: "invalid_option",
        kind: "usage",
        hint: "leave it out of --skip-columns or of --on",
      });
    }
  }
}

function unknownColumn(message: string, name: string, columns: readonly Column[]): UserError {
  const names = [...new Set(columns.map((column) => column.name))];
  return new UserError(message, {
    code: "unknown_column",
    kind: "usage",
    hint: didYouMean(name, names) ?? `there is: ${names.join(", ")}`,
  });
}
