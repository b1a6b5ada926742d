import type { CheckResult } from "../model/check.ts";
import type { CommitId, EnvName, NodeId } from "../model/ids.ts";
import { countChecks, type QualityRecord, qualityStatus } from "../model/quality.ts";
import type { RunEvent } from "../model/run.ts";
import type { Workspace } from "./workspace.ts";

/** Gathers what checks find, from the events of a run. */
export class CheckLog {
  readonly #nodes = new Map<NodeId, { rows: number; results: readonly CheckResult[] }>();

  /** Takes note of an event, whatever it is about. */
  add(event: RunEvent): void {
    if (event.event !== "checked") return;
    this.#nodes.set(event.node, { rows: event.rows, results: event.results });
  }

  /** Results in order of nodes. */
  get results(): CheckResult[] {
    return this.#sorted().flatMap(([, { results }]) => results);
  }

  /** Outputs that were checked. */
  get nodes(): QualityRecord["nodes"] {
    return this.#sorted().map(([id, { rows }]) => ({ id, rows }));
  }

  #sorted() {
    return [...this.#nodes].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

/**
 * Adds what was found to the history of an environment's quality, which is beside the environment: a run of production
 * that failed leaves no commit there, and its results here. Nothing is written where nothing was checked.
 */
export async function recordQuality(
  { state }: Workspace,
  log: CheckLog,
  { env, action, commit }: {
    readonly env: EnvName;
    readonly action: QualityRecord["action"];
    readonly commit: CommitId | null;
  },
): Promise<void> {
  const { nodes, results } = log;
  if (nodes.length === 0) return;
  const record: QualityRecord = {
    format_version: 1,
    environment: env,
    action,
    status: qualityStatus(results),
    commit,
    nodes,
    checks: results,
  };
  const { passed, warned, failed } = countChecks(results);
  await state.addQuality(record, {
    subject: `${action} ${env}: ${passed} passed, ${warned} warned, ${failed} failed`,
    body: "",
    trailers: {
      "Seeknal-Action": `quality-${action}`,
      Environment: env,
      Commit: commit ?? "none",
      Status: record.status,
    },
  });
}
