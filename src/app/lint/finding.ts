import type { NodeId } from "../../model/ids.ts";
import type { SqlFix, WrittenSql } from "./lint_rule.ts";

/** Something a rule found, as `lint --json` prints it. */
export interface Finding {
  readonly rule: string;
  readonly severity: "error" | "warning";
  readonly node: NodeId;
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly hint: string | null;
  readonly fixable: boolean;
}

/** A finding with what would do away with it. */
export interface FixableFinding extends Finding {
  readonly fix: SqlFix | null;
  readonly sql: WrittenSql | null;
}
