import { quoteName } from "../engine/quote.ts";
import type { Session } from "../engine/session.ts";

/** How many rows a relation has, and a sum over them that any changed, lost or doubled row changes. */
export interface RowChecksum {
  readonly rows: number;
  /** 32 hexadecimal digits. */
  readonly checksum: string;
}

/** Reads all rows of a relation; their order makes no difference. */
export async function rowChecksum(
  session: Session,
  relation: string,
  columns: readonly string[],
): Promise<RowChecksum> {
  const list = columns.map(quoteName).join(", ");
  const { rows } = await session.read(
    `SELECT CAST(count(*) AS VARCHAR), CAST(coalesce(sum(hash(${list})), 0) AS VARCHAR) FROM ${relation}`,
  );
  return {
    rows: Number(rows[0]?.[0] ?? 0),
    checksum: checksumText(BigInt(String(rows[0]?.[1] ?? "0"))),
  };
}

/** The checksum of no rows. */
export const NO_ROWS: RowChecksum = { rows: 0, checksum: checksumText(0n) };

function checksumText(sum: bigint): string {
  return BigInt.asUintN(128, sum).toString(16).padStart(32, "0");
}

/** How many rows a relation has. */
export async function rowCount(session: Session, relation: string): Promise<number> {
  const { rows } = await session.read(`SELECT CAST(count(*) AS VARCHAR) FROM ${relation}`);
  return Number(rows[0]?.[0] ?? 0);
}
