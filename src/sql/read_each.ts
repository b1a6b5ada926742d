import { quoteText } from "../engine/quote.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type { NodeId } from "../model/ids.ts";
import { withoutSemicolon } from "./tokens.ts";

/** Queries that one statement asks about: fewer cost round trips, more cost little. */
const BATCH = 50;

/**
 * Asks the engine something about the text of each query, many in one statement.
 * `ask` makes the result columns for a quoted query, of which `i` is unique in the
 * statement. A query the engine cannot answer for has null.
 */
export async function readEach(
  session: Session,
  requests: readonly { readonly id: NodeId; readonly sql: string }[],
  ask: (quotedSql: string, i: number, sql: string) => readonly string[],
): Promise<Map<NodeId, readonly string[] | null>> {
  const answers = new Map<NodeId, readonly string[] | null>();
  const read = async (batch: typeof requests): Promise<void> => {
    const columns = batch.map(({ sql }, i) => ask(quoteText(withoutSemicolon(sql)), i, sql));
    try {
      const row = (await session.read(`SELECT ${columns.flat().join(", ")}`)).rows[0]!;
      let at = 0;
      batch.forEach(({ id }, i) => {
        answers.set(id, columns[i]!.map(() => String(row[at++])));
      });
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      // One query without an answer spoils its batch: halve until it stands alone.
      if (batch.length === 1) {
        answers.set(batch[0]!.id, null);
        return;
      }
      const half = batch.length >> 1;
      await read(batch.slice(0, half));
      await read(batch.slice(half));
    }
  };
  for (let i = 0; i < requests.length; i += BATCH) await read(requests.slice(i, i + BATCH));
  return answers;
}
