import { quoteName } from "../engine/quote.ts";
import { findTables, writtenColumns } from "./check_writes.ts";
import { changeWrites, putEntries, qualified } from "./ledger.ts";
import { entryFor, keyOf, type PendingWrite } from "./pending_write.ts";
import { problemError } from "./write_problem.ts";
import type { WriteSession } from "./write_session.ts";
import {
  recreateView,
  replaceView,
  VERSION_SCHEMA,
  versionQuery,
  viewChange,
} from "./write_views.ts";

/** Makes views show their versions: a handful of round trips, however many there are. */
export async function swapViews(
  session: WriteSession,
  views: readonly PendingWrite[],
): Promise<void> {
  if (views.length === 0) return;
  const definitions = await readDefinitions(session, views);
  const statements: string[] = [];
  for (const { write, rows, found, wanted } of views) {
    const version = rows[0]!.version!;
    const change = viewChange(
      found.facts,
      wanted,
      writtenColumns(found.entry),
      write.schema_evolution,
    );
    if (change.problem !== null) {
      const { code, problem, hint } = change;
      throw problemError({ write, code, message: `${write.target}: ${problem}`, hint });
    }
    const owner = found.facts?.owner;
    // A view reads with its owner's rights.
    if (owner !== undefined && owner !== session.connection.user) {
      statements.push(
        `GRANT SELECT ON ${qualified(VERSION_SCHEMA, version)} TO ${quoteName(owner)}`,
      );
    }
    const query = versionQuery(change.columns, version);
    if (change.recreate) await recreateView(session, found.facts!, query);
    else statements.push(replaceView(found.table, found.facts, query));
  }
  if (statements.length > 0) await session.query(statements.join(";\n"));
  const now = await findTables(session, views.map(({ found }) => found.table));
  for (const schema of new Set(views.map(({ found }) => found.table.schema))) {
    const own = views.map((view, i) => ({ view, oid: now[i]!.facts!.oid }))
      .filter(({ view }) => view.found.table.schema === schema);
    await putEntries(
      session,
      schema,
      own.map(({ view, oid }) => entryFor(view, view.rows[0]!, oid, view.found.entry)),
    );
    await changeWrites(
      session,
      schema,
      own.map(({ view: { rows, found } }) => ({
        ...keyOf(rows[0]!),
        state: "swapped" as const,
        created: found.facts === null,
        previous: found.entry,
        ddl_undo: found.facts === null ? [] : [definitions.get(found.facts.oid)!],
      })),
    );
  }
}

/** The queries of the views as they are. */
async function readDefinitions(
  session: WriteSession,
  views: readonly PendingWrite[],
): Promise<Map<string, string>> {
  const oids = views.flatMap(({ found }) => found.facts?.oid ?? []);
  const rows = await session.query<{ oid: string; query: string }>(
    `SELECT o AS oid, pg_get_viewdef(o::oid) AS query ` +
      `FROM jsonb_array_elements_text($1::text::jsonb) AS o`,
    [JSON.stringify(oids)],
  );
  return new Map(rows.map(({ oid, query }) => [oid, query.trim().replace(/;$/, "")]));
}
