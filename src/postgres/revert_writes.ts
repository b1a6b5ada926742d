import type { TableWrite } from "../model/materialization.ts";
import type { FoundTable } from "./found_table.ts";
import { type LedgerEntry, type LedgerWrite, qualified, readWrites } from "./ledger.ts";
import { countWritten, only } from "./restore_rows.ts";
import { isRewritten } from "./table_evolution.ts";
import { factsKey, readFacts, type TableFacts } from "./table_facts.ts";
import type { TableName } from "./table_name.ts";
import { holdsAllOf } from "./to_postgres_type.ts";
import { problemError, type WriteProblem } from "./write_problem.ts";
import { ORIGIN } from "./write_rows.ts";
import type { WriteSession } from "./write_session.ts";

/** Modes that add to what is there: their writes are kept so that they can be taken back. */
const REVERTABLE = new Set(["append", "upsert_by_key", "incremental_by_time"]);

/** Whether writes of a mode can be taken back after they are finished. */
export function isRevertable(mode: string): boolean {
  return REVERTABLE.has(mode);
}

/**
 * Whether a write is kept when it is finished. A table written whole is kept as it was before
 * where rows had been added to it: they are nowhere else. So are later ones, because they are to
 * be taken back first.
 */
export async function isToBeKept(
  session: WriteSession,
  table: TableName,
  { mode, previous }: LedgerWrite,
): Promise<boolean> {
  if (isRevertable(mode)) return true;
  if (previous === null) return false;
  if (isRevertable(previous.mode)) return true;
  return (await historyOf(session, table.schema, table.name)).length > 0;
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
  const goal = write.back_to === undefined
    ? `content ${write.content_hash.slice(0, 12)}`
    : `batch ${write.back_to}`;
  const cannot = (why: string): WriteProblem => ({
    write,
    code: "cannot_revert",
    message: `${write.target} cannot go back to ${goal}: ${why}`,
    hint: "restore it from a backup, or write it anew from its node",
  });
  if (facts === null || entry === null) return cannot("Seeknal does not write it");
  const history = await historyOf(session, table.schema, table.name);
  const steps = write.back_to === undefined
    ? stepsToContent(entry, history, write.content_hash)
    : stepsToBatch(entry, history, write.back_to, await latestReverts(session, table));
  if (typeof steps === "string") return cannot(steps);
  if (steps.length === 0) return { steps };
  const lost = await lostRows(session, table, steps) ??
    await lostTypes(session, facts, steps);
  if (lost !== null) return cannot(lost);
  const changed = await changedByOthers(session, facts, entry.own_xids, history, steps);
  return changed === null ? { steps } : cannot(changed);
}

/** The writes that brought a table from the last time it had a content to what it has, or why there is no way back. */
function stepsToContent(
  entry: LedgerEntry,
  history: readonly LedgerWrite[],
  wanted: string,
): LedgerWrite[] | string {
  const steps: LedgerWrite[] = [];
  let content = entry.content_hash;
  for (const step of history) {
    if (content === wanted) break;
    if (step.content_hash !== content || step.created || step.previous === null) break;
    steps.push(step);
    content = step.previous.content_hash;
  }
  if (content === wanted) return steps;
  return "what is needed to take the writes back since then is not kept any more";
}

/** The same for the time right after a batch. */
function stepsToBatch(
  entry: LedgerEntry,
  history: readonly LedgerWrite[],
  wanted: string,
  reverts: ReadonlyMap<string, string>,
): LedgerWrite[] | string {
  const goal = resolved(wanted, reverts);
  let [batch, content] = [entry.batch, entry.content_hash];
  const steps: LedgerWrite[] = [];
  while (resolved(batch, reverts) !== goal) {
    const step = history[steps.length];
    if (step === undefined || step.content_hash !== content) {
      return `only writes of these batches can be taken back: ${
        steps.map((one) => one.batch).join(", ") || "none"
      }`;
    }
    // A batch that was taken back to has the number of the revert.
    if (step.batch === goal) break;
    steps.push(step);
    if (step.created || step.previous === null) {
      return `there is no such batch since Seeknal writes it (newest first: ${
        steps.map((one) => one.batch).join(", ")
      })`;
    }
    [batch, content] = [step.previous.batch, step.previous.content_hash];
  }
  return steps;
}

/** For each revert the batch that it went back to: the table was the same after both. */
async function latestReverts(
  session: WriteSession,
  table: TableName,
): Promise<Map<string, string>> {
  const reverts = await readWrites(
    session,
    table.schema,
    "name = $1 AND action = 'revert' AND reverts->>'to' IS NOT NULL",
    [table.name],
  );
  return new Map(reverts.map(({ batch, reverts }) => [batch, reverts?.to ?? batch]));
}

/** The batch that a revert, or a revert to a revert, went back to; any other one itself. */
function resolved(batch: string, reverts: ReadonlyMap<string, string>): string {
  let [at, next] = [batch, reverts.get(batch)];
  while (next !== undefined && next !== at) [at, next] = [next, reverts.get(next)];
  return at;
}

/** Which of the former rows that are needed somebody dropped, in words; null: none. */
async function lostRows(
  session: WriteSession,
  { schema }: TableName,
  steps: readonly LedgerWrite[],
): Promise<string | null> {
  for (const { batch, before } of steps) {
    if (before === null) continue;
    const name = qualified(schema, before);
    const [row] = await session.query<{ lost: boolean }>(
      "SELECT to_regclass($1) IS NULL AS lost",
      [name],
    );
    if (row!.lost) return `the rows from before batch ${batch} are gone (table ${name})`;
  }
  return null;
}

/** Which column could not hold its former values any more, in words; null: none. */
async function lostTypes(
  session: WriteSession,
  facts: TableFacts,
  steps: readonly LedgerWrite[],
): Promise<string | null> {
  for (const { batch, before } of steps) {
    if (before === null) continue;
    const name = { schema: facts.schema, name: before };
    const kept = (await readFacts(session, [name])).get(factsKey(name));
    const types = new Map(kept?.columns.map((column) => [column.name, column.type]));
    for (const { name: column, type } of facts.columns) {
      const former = types.get(column);
      if (former === undefined || former === type || holdsAllOf(type, former)) continue;
      return `column "${column}" was ${former} before batch ${batch} and is ${type} now ` +
        `(the rows as they were: ${qualified(facts.schema, before)})`;
    }
  }
  return null;
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
      // All rows were kept then, also those that stayed as they were.
      written = isRewritten(newer) ? kept!.n : written + kept!.n;
    }
    if (written !== step.touched) {
      return `${step.touched - written} of the rows of a write are not as it wrote them`;
    }
  }
  return null;
}
