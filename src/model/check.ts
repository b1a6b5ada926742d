import type { NodeId } from "./ids.ts";

/** What a failed check does: `error` fails the node, `warn` is only said. */
export type CheckSeverity = "error" | "warn";

/** A check of a node's rows, as SQL: what a worker runs. */
export interface CheckSpec {
  /** Unique in its node: `not_null(order_id)`. */
  readonly name: string;
  /** Name of an audit or rule type. */
  readonly type: string;
  readonly severity: CheckSeverity;
  /** Column it looks at; null for the table as a whole. */
  readonly column: string | null;
  /**
   * A SELECT with one row and the columns `violations BIGINT` (0: passed), `checked BIGINT` (rows looked at)
   * and `detail VARCHAR` (what was found; may be NULL). The node's own rows are `"this"`; its inputs have their ids.
   */
  readonly sql: string;
  /** What to say when it fails; null: name and detail. */
  readonly message: string | null;
  /** A SELECT of the rows that fail, over the same relations; absent where no row is to blame. */
  readonly failing?: string;
  /** Columns that tell failing rows apart; absent: the first ones. */
  readonly keys?: readonly string[];
  /** Violations up to which it passes; absent: 0. */
  readonly max_violations?: number;
}

/** How a `detail` begins that shows some of the rows that failed, which then says what and not how many. */
export const SAMPLE = "such as ";

/** What came of a check. */
export interface CheckResult {
  readonly node: NodeId;
  readonly name: string;
  readonly type: string;
  readonly severity: CheckSeverity;
  readonly column: string | null;
  /** `error`: the check itself could not be run, which counts as failed. */
  readonly status: "passed" | "failed" | "error";
  readonly violations: number;
  readonly checked: number;
  readonly detail: string | null;
  /** A SELECT over the node that shows what failed; absent where nothing did or no row is to blame. */
  readonly query?: string;
}

/** True where a result keeps its node from succeeding. */
export function isBlocking({ status, severity }: CheckResult): boolean {
  return status !== "passed" && severity === "error";
}

/** What a check found, in words, with its name. */
export function checkWords(result: CheckResult): string {
  const how = result.status === "error" ? "could not be checked" : "failed";
  return `${result.name} ${how}: ${foundWords(result)}`;
}

/** What a check that did not pass found, in words. */
export function foundWords(
  { status, violations, checked, detail }: Pick<
    CheckResult,
    "status" | "violations" | "checked" | "detail"
  >,
): string {
  if (status === "error") return detail ?? "it does not run";
  if (detail !== null && !detail.startsWith(SAMPLE)) return detail;
  const rows = violations === 1 && checked === 0 ? "row" : "rows";
  const count = checked > 0 && violations <= checked
    ? `${violations} of ${checked} ${checked === 1 ? "row" : "rows"}`
    : `${violations} ${rows}`;
  return detail === null ? count : `${count}, ${detail}`;
}
