import { quoteName } from "../engine/quote.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type { NodeId } from "../model/ids.ts";
import { readTrees } from "./syntax_tree.ts";

/** What the engine says about the SQL of a check. */
export interface BoundCheck {
  /** Why it does not bind; null where it does. */
  readonly error: SqlError | null;
  /** Nodes it names, as `kind.name`. */
  readonly relations: readonly string[];
  /** Table functions it calls that could read something else. */
  readonly foreignFunctions: readonly string[];
}

/** A SELECT to bind. */
export interface CheckRequest {
  readonly sql: string;
  /**
   * `written`: by an author, so that what it names is looked at; `constants`: it reads nothing and is evaluated; `made`: neither.
   */
  readonly is: "written" | "constants" | "made";
}

/**
 * Binds SELECTs over `"this"`, an empty table of the given columns, in a session that knows other nodes as empty
 * tables; nothing but constants is evaluated.
 */
export async function bindChecks(
  session: Session,
  columns: readonly { readonly name: string; readonly type: string }[],
  requests: readonly CheckRequest[],
): Promise<BoundCheck[]> {
  const list = columns.map(({ name, type }) => `${quoteName(name)} ${type}`).join(", ");
  await session.run(`CREATE OR REPLACE TEMP TABLE "this" (${list})`);
  const errors = await bindTogether(session, requests)
    ? requests.map(() => null)
    : await bindOneByOne(session, requests);
  const sound = requests.flatMap(({ sql, is }, i) =>
    is === "written" && errors[i] === null ? [{ id: `check.${i}` as NodeId, sql }] : []
  );
  const trees = await readTrees(session, sound);
  return errors.map((error, i) => {
    const tree = trees.get(`check.${i}` as NodeId);
    return {
      error,
      relations: tree?.relations ?? [],
      foreignFunctions: tree?.foreignFunctions ?? [],
    };
  });
}

/** True where all of them bind: mostly so, and then one statement is enough to know it. */
async function bindTogether(session: Session, requests: readonly CheckRequest[]): Promise<boolean> {
  const counted = requests.map(({ sql, is }) =>
    // What is only counted is not evaluated.
    is === "constants"
      ? `SELECT length(CAST(COLUMNS(*) AS VARCHAR)) FROM (\n${sql}\n)`
      : `SELECT count(*) FROM (\n${sql}\n)`
  );
  const constants = counted.filter((_, i) => requests[i]!.is === "constants");
  const others = counted.filter((_, i) => requests[i]!.is !== "constants");
  try {
    for (const sql of constants) await session.read(sql);
    if (others.length > 0) await session.read(others.join("\nUNION ALL\n"));
    return true;
  } catch (error) {
    if (error instanceof SqlError) return false;
    throw error;
  }
}

async function bindOneByOne(
  session: Session,
  requests: readonly CheckRequest[],
): Promise<(SqlError | null)[]> {
  const errors: (SqlError | null)[] = [];
  for (const { sql } of requests) errors.push(await bindOne(session, sql));
  return errors;
}

async function bindOne(session: Session, sql: string): Promise<SqlError | null> {
  try {
    await session.read(sql, 1);
    return null;
  } catch (error) {
    if (error instanceof SqlError) return error;
    throw error;
  }
}
