import type { TableWrite } from "../model/materialization.ts";
import type { FoundTable } from "./check_writes.ts";
import { type LedgerWrite, qualified, readWrites } from "./ledger.ts";
import { countWritten, only } from "./restore_rows.ts";
import type { TableFacts } from "./table_facts.ts";
import { problemError, type WriteProblem } from "./write_problem.ts";
import { ORIGIN } from "./write_rows.ts";
import type { WriteSession } from "./write_session.ts";

/** Modes that add to what is there: their writes are kept so that they can be taken back. */
const REVERTABLE = new Set(["append", "upsert_by_key", "incremental_by_time"]);

/** Whether writes of a mode can be taken back after they are finished. */
export function isRevertable(mode: string): boolean {
  return REVERTABLE.has(mode);
}

/** Finished writes of a table, newest first. */
export async function historyOf(
  session: WriteSession,
  schema: string,
  name: string,
): Promise<LedgerWrite[]> {
  const writes = await readWrites(
    session,
    schema,
    `name = $1 AND state = 'finished' AND action = 'write'`,
    [name],
  );
  return writes.reverse();
}

/** The writes that a revert takes back, newest first; throws `cannot_revert` where it would not be exact. */
export async function planRevert(
  session: WriteSession,
  write: TableWrite,
  found: FoundTable,
): Promise<{ batch: string; step: number }[]> {
  const result = await findRevert(session, write, found);
  if ("code" in result) throw problemError(result);
  return result.steps.map(({ batch, step }) => ({ batch, step }));
}

/**
 * Finds the writes between a table's content and an earlier one, and makes sure that taking them
 * back gives exactly that: every row they wrote is still as they wrote it, every former row was
 * kept, and nobody else wrote to the table since.
 */
export async function findRevert(
  session: WriteSession,
  write: TableWrite,
  { facts, entry, table }: FoundTable,
): Promise<{ steps: LedgerWrite[] } | WriteProblem> {
  const cannot = (why: string): WriteProblem => ({
    write,
    code: "cannot_revert",
    message: `${write.target} cannot go back to content ${write.content_hash.slice(0, 12)}: ${why}`,
    hint: "restore it from a backup, or write it anew from its node",
  });
  if (facts === null || entry === null) return cannot("Seeknal does not write it");
  if (entry.content_hash === write.content_hash) return { steps: [] };
  const history = await historyOf(session, table.schema, table.name);
  const steps: LedgerWrite[] = [];
  let content = entry.content_hash;
  for (const step of history) {
    if (content === write.content_hash) break;
    if (step.content_hash !== content || step.created || step.previous === null) break;
    steps.push(step);
    content = step.previous.content_hash;
  }
  if (content !== write.content_hash) {
    return cannot("what is needed to take the writes back since then is not kept any more");
  }
  const changed = await changedByOthers(session, facts, entry.own_xids, history, steps);
  return changed === null ? { steps } : cannot(changed);
}

/** Who else wrote to a table since the newest of its writes, in words; null: nobody. */
async function changedByOthers(
  session: WriteSession,
  facts: TableFacts,
  own: readonly number[],
  history: readonly LedgerWrite[],
  steps: readonly LedgerWrite[],
): Promise<string | null> {
  const newest = steps[0]!;
  const table = `${only(facts)}${qualified(facts.schema, facts.name)}`;
  const oldest = steps[steps.length - 1]!;
  const [age] = await session.query<{ age: number }>(
    `SELECT (pg_current_xact_id()::text::numeric - $1::text::numeric)::float8 AS age`,
    [oldest.full_xid ?? "0"],
  );
  // Half of the numbers there are: beyond, older and newer cannot be told apart.
  if (age!.age > 2_000_000_000) return "too many transactions ago";
  const known = [...own, ...history.flatMap(({ xids }) => xids)];
  const swap = Number(BigInt(newest.full_xid!) & 0xffffffffn);
  const [rows] = await session.query<{ total: number; others: number }>(
    `SELECT count(*)::float8 AS total, count(*) FILTER (WHERE age(t.xmin) < age('${swap}'::xid) ` +
      `AND t.xmin <> ALL ('{${known.join(",")}}'::xid[]))::float8 AS others FROM ${table} AS t`,
  );
  if (rows!.others > 0) return `somebody else changed or added ${rows!.others} of its rows`;
  if (rows!.total !== newest.total) {
    return `it had ${newest.total} rows after the last write and has ${rows!.total} now`;
  }
  for (const [i, step] of steps.entries()) {
    let written = await countWritten(session, facts, step.xids);
    for (const newer of steps.slice(0, i)) {
      if (newer.before === null) continue;
      const [kept] = await session.query<{ n: number }>(
        `SELECT count(*)::float8 AS n FROM ${qualified(facts.schema, newer.before)} ` +
          `WHERE ${ORIGIN} = ANY ('{${step.xids.join(",")}}'::bigint[])`,
      );
      written += kept!.n;
    }
    if (written !== step.touched) {
      return `${step.touched - written} of the rows of a write are not as it wrote them`;
    }
  }
  return null;
}
