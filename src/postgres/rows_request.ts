import { quoteName } from "../engine/quote.ts";
import { queryBody } from "./query_text.ts";

/** How a change of rows is noticed. */
export type ChangeDetection = "row_versions" | "content" | "statistics" | "watermark";

/** The values of {@linkcode ChangeDetection}. */
export const CHANGE_DETECTIONS: readonly ChangeDetection[] = [
  "row_versions",
  "content",
  "statistics",
  "watermark",
];

/** Rows that a source asks a database for. */
export interface RowsRequest {
  /** Schema and name, or null when it is a query. */
  readonly table: { readonly schema: string; readonly name: string } | null;
  readonly query: string | null;
  /** Null: what is usual for the kind of relation. */
  readonly changeDetection: ChangeDetection | null;
  /** Read on from the last value of this column. */
  readonly timeColumn: string | null;
  /** Seconds before the last value that are read again. */
  readonly lookbackSeconds: number;
  /** Columns that tell rows apart: a new version takes the old one's place. */
  readonly uniqueKeys: readonly string[];
  /** Longest time of one statement; null: the connection's. */
  readonly timeoutSeconds: number | null;
  /** Types that the project declares. */
  readonly columnTypes: Readonly<Record<string, string>>;
}

/** What stands after FROM. */
export function fromClause(request: RowsRequest): string {
  if (request.table !== null) return qualifiedName(request.table);
  // The line break ends a comment on the query's last line.
  return `(${queryBody(request.query ?? "")}\n) AS query`;
}

/** The request in words. */
export function requestName(request: RowsRequest): string {
  return request.table === null ? "the query" : `${request.table.schema}.${request.table.name}`;
}

/** `"schema"."name"`. */
export function qualifiedName(table: { readonly schema: string; readonly name: string }): string {
  return `${quoteName(table.schema)}.${quoteName(table.name)}`;
}

/** Seconds of `90`, `30s`, `15m`, `2h`, `3d` or `1w`; null when it is none of them. */
export function parseSeconds(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)?$/.exec(text.trim());
  if (match === null) return null;
  const units: Record<string, number> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400, w: 604_800 };
  return Number(match[1]) * units[match[2] ?? "s"]!;
}
