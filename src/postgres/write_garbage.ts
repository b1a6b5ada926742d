import { quoteText } from "../engine/quote.ts";
import {
  forgetWrite,
  type LedgerWrite,
  qualified,
  readWrites,
  removeWrites,
  WRITES,
} from "./ledger.ts";
import type { TableName } from "./table_name.ts";
import {
  dropEmptySchemas,
  dropEmptyVersions,
  dropStaged,
  dropVersions,
  finishWrite,
  ledgerSchemas,
} from "./undo_writes.ts";
import type { WriteSession } from "./write_session.ts";
import { hasVersions, VERSION_SCHEMA, VERSIONS } from "./write_views.ts";

/** What is still needed. */
export interface GarbageRequest {
  readonly pending: ReadonlySet<string>;
  readonly live: ReadonlySet<string>;
  readonly project: string;
  readonly dryRun: boolean;
}

/** Rolls the transaction of a dry run back. */
class DryRun extends Error {}

/**
 * Removes staged leftovers, former rows that no content alive can be reached with, and versions
 * that nothing shows. A dry run does it too, and takes it back.
 */
export async function removeGarbage(
  session: WriteSession,
  request: GarbageRequest,
): Promise<string[]> {
  let removed: string[] = [];
  try {
    await session.lockingTransaction(async () => {
      removed = await remove(session, request);
      if (request.dryRun) throw new DryRun();
    });
  } catch (error) {
    if (!(error instanceof DryRun)) throw error;
  }
  return removed;
}

async function remove(session: WriteSession, request: GarbageRequest): Promise<string[]> {
  const removed: string[] = [];
  const schemas = await ledgerSchemas(session);
  for (const schema of schemas) {
    const writes = await readWrites(session, schema, "project = $1", [request.project]);
    const left = writes.filter((row) =>
      !request.pending.has(row.batch) && (row.state === "staged" || row.state === "swapped")
    );
    for (const row of left) {
      const table = { schema, name: row.name };
      if (row.state === "staged") await dropStaged(session, table, row);
      else await finishWrite(session, table, row);
      removed.push(`${schema}.${row.name}: what batch ${row.batch} left behind`);
    }
    const kept = await readWrites(session, schema, "project = $1 AND state = 'finished'", [
      request.project,
    ]);
    for (const [table, row] of unreachable(schema, kept, request.live)) {
      await forgetWrite(session, table, row);
      removed.push(`${schema}.${row.name}: rows as they were before ${row.batch}`);
    }
    await removeWrites(
      session,
      schema,
      await readWrites(
        session,
        schema,
        `project = $1 AND state = 'finished' AND action = 'revert' AND NOT EXISTS (SELECT ` +
          `FROM ${qualified(schema, WRITES)} k WHERE k.name = w.name AND k.action = 'write')`,
        [request.project],
      ),
    );
  }
  if (await hasVersions(session)) removed.push(...await removeVersions(session, request));
  removed.push(
    ...(await dropEmptySchemas(session, schemas)).map((schema) => `schema ${schema}`),
  );
  return removed;
}

/** Finished writes that lead to no content alive: those older than the last step towards one. */
function unreachable(
  schema: string,
  writes: readonly LedgerWrite[],
  live: ReadonlySet<string>,
): [TableName, LedgerWrite][] {
  const result: [TableName, LedgerWrite][] = [];
  for (const name of new Set(writes.map((row) => row.name))) {
    const own = writes.filter((row) => row.name === name && row.action === "write");
    const oldest = own.findIndex(({ previous }) =>
      previous !== null && live.has(previous.content_hash)
    );
    const needless = oldest < 0 ? own : own.slice(0, oldest);
    result.push(...needless.map((row): [TableName, LedgerWrite] => [{ schema, name }, row]));
  }
  return result;
}

async function removeVersions(
  session: WriteSession,
  { live, project }: GarbageRequest,
): Promise<string[]> {
  const versions = await session.query<{ name: string; content_hash: string }>(
    `SELECT name, content_hash FROM ${qualified(VERSION_SCHEMA, VERSIONS)} ` +
      `WHERE project = ${quoteText(project)} ORDER BY name`,
  );
  const dead = versions.filter(({ content_hash }) => !live.has(content_hash));
  const dropped = await dropVersions(session, dead.map(({ name }) => name));
  await dropEmptyVersions(session);
  return dropped.map((name) => `${VERSION_SCHEMA}.${name}`);
}
