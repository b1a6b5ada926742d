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

/**
 * Binds SELECTs over `"this"`, an empty table of the given columns, in a session that knows other nodes as empty
 * tables; nothing but constants is evaluated.
 */
export async function bindChecks(
  session: Session,
  columns: readonly { readonly name: string; readonly type: string }[],
  queries: readonly string[],
): Promise<BoundCheck[]> {
  const list = columns.map(({ name, type }) => `${quoteName(name)} ${type}`).join(", ");
  await session.run(`CREATE OR REPLACE TEMP TABLE "this" (${list})`);
  try {
    const errors: (SqlError | null)[] = [];
    for (const sql of queries) errors.push(await bindOne(session, sql));
    const sound = queries.flatMap((sql, i) =>
      errors[i] === null ? [{ id: `check.${i}` as NodeId, sql }] : []
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
  } finally {
    await session.run(`DROP TABLE IF EXISTS "this"`);
  }
}

async function bindOne(session: Session, sql: string): Promise<SqlError | null> {
  try {
    if (await session.statementType(sql) === "SELECT") {
      await session.read(sql, 1);
      return null;
    }
    return new SqlError("A check is one SELECT", {
      category: "Project",
      position: null,
      candidates: [],
    });
  } catch (error) {
    if (error instanceof SqlError) return error;
    throw error;
  }
}
