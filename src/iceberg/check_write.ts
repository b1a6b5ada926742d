import { UserError } from "../base/user_error.ts";
import type { TableWrite } from "../model/materialization.ts";
import type { LoadedTable } from "./catalog.ts";
import { planLayout } from "./plan_write.ts";
import { revertTarget } from "./stage_revert.ts";
import { ownerOf } from "./table_content.ts";

/** Why a write cannot be done. */
export interface WriteProblem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** Everything about a write that can be seen to go wrong before it is begun. */
export function checkWrite(write: TableWrite, table: LoadedTable | null): WriteProblem[] {
  const foreign = table === null ? null : ownershipProblem(write, table);
  if (foreign !== null) return [foreign];
  if (write.action === "revert") return revertProblems(write, table);
  return [
    ...formatProblems(write, table),
    ...columnProblems(write),
    ...layoutProblems(write, table),
  ];
}

function ownershipProblem(write: TableWrite, table: LoadedTable): WriteProblem | null {
  const owner = ownerOf(table.metadata.properties);
  const isOwn = owner?.project === write.owner.project &&
    owner.environment === write.owner.environment;
  if (isOwn) return null;
  if (owner === null) {
    if (write.spec.existing === "adopt") return null;
    return {
      code: "foreign_table",
      message: `${write.target} is there already, and Seeknal did not write it`,
      hint: "write existing: adopt in its materialization to take it over, or name another table",
    };
  }
  return {
    code: "foreign_table",
    message:
      `${write.target} belongs to environment "${owner.environment}" of project "${owner.project}"`,
    hint: "name another table: two owners would overwrite one another",
  };
}

function revertProblems(write: TableWrite, table: LoadedTable | null): WriteProblem[] {
  if (table !== null && revertTarget(write, table.metadata) !== null) return [];
  return [{
    code: "cannot_revert",
    message:
      `${write.target} cannot be put back: it has no snapshot any more with that content, or somebody wrote after it`,
    hint: "write it anew with mode overwrite",
  }];
}

function formatProblems(write: TableWrite, table: LoadedTable | null): WriteProblem[] {
  const version = table?.metadata["format-version"] ?? 2;
  if (version === 2) return [];
  return [{
    code: "unsupported_format",
    message: `${write.target} has format version ${version}; Seeknal writes version 2`,
    hint: version === 1
      ? "upgrade it with the engine that made it: ALTER TABLE … SET TBLPROPERTIES ('format-version' = '2')"
      : "name another table",
  }];
}

function columnProblems(write: TableWrite): WriteProblem[] {
  const columns = new Set(write.columns.map((column) => column.name.toLowerCase()));
  const { unique_keys: keys = [], time_column: time, mode } = write.spec;
  const named = [
    ...(mode === "upsert_by_key" ? keys : []),
    ...(mode === "incremental_by_time" && time !== undefined ? [time] : []),
  ];
  return named.filter((name) => !columns.has(name.toLowerCase())).map((name) => ({
    code: "missing_column",
    message: `${write.target} is written by column ${name}, which ${write.node} does not have`,
    hint: `its columns are: ${write.columns.map((column) => column.name).join(", ")}`,
  }));
}

function layoutProblems(write: TableWrite, table: LoadedTable | null): WriteProblem[] {
  try {
    const layout = planLayout(write, table?.metadata ?? null);
    const problems = layout.problems.map((problem) => ({
      code: "schema_change_refused",
      message: `${write.target} cannot follow ${write.node}: ${problem}`,
      hint: hintFor(write),
    }));
    if (write.spec.mode === "overwrite_partitions" && layout.spec.fields.length === 0) {
      problems.push({
        code: "no_partitions",
        message: `${write.target} has no partitions to overwrite`,
        hint: "write partition_by, or use mode overwrite",
      });
    }
    return problems;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{
      code: error.code,
      message: `${write.target}: ${error.message}`,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    }];
  }
}

function hintFor(write: TableWrite): string {
  return write.schema_evolution === "strict"
    ? "write schema_evolution: safe to let it add columns and widen types"
    : write.spec.mode === "full" && write.schema_evolution === "safe"
    ? "write schema_evolution: auto to let it drop and replace columns"
    : "cast the column in the query to the table's type, or rewrite the table with mode overwrite and schema_evolution: auto";
}
