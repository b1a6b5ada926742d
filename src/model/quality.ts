import type { CheckResult } from "./check.ts";
import type { CommitId, EnvName, NodeId } from "./ids.ts";

/** What checks found in one command, kept in the history of an environment's quality. */
export interface QualityRecord {
  readonly format_version: 1;
  readonly environment: EnvName;
  /** Which command checked. */
  readonly action: "run" | "audit";
  readonly status: "passed" | "warned" | "failed";
  /** Commit of the environment after it; null for a production that did not exist and did not come to be. */
  readonly commit: CommitId | null;
  /** Outputs that were checked, in id order. */
  readonly nodes: readonly { readonly id: NodeId; readonly rows: number }[];
  /** In order of nodes, then as they are written. */
  readonly checks: readonly CheckResult[];
}

/** A record with the commit that holds it. */
export interface StoredQuality {
  readonly id: CommitId;
  readonly date: Date;
  readonly record: QualityRecord;
}

/** How many checks ended how; `warned` are those that failed or could not be run and do not block. */
export interface CheckCounts {
  readonly passed: number;
  readonly warned: number;
  readonly failed: number;
}

/** Counts results of checks. */
export function countChecks(results: readonly CheckResult[]): CheckCounts {
  const passed = results.filter(({ status }) => status === "passed").length;
  const failed = results
    .filter(({ status, severity }) => status !== "passed" && severity === "error").length;
  return { passed, warned: results.length - passed - failed, failed };
}

/** What results come to together. */
export function qualityStatus(results: readonly CheckResult[]): QualityRecord["status"] {
  const { warned, failed } = countChecks(results);
  return failed > 0 ? "failed" : warned > 0 ? "warned" : "passed";
}
