import type { Session } from "../engine/session.ts";
import type { NodeOutput, ScriptJob } from "../model/run.ts";
import { UserError } from "../base/user_error.ts";

/** What a job made, besides the file. */
export type Produced = Pick<NodeOutput, "rows" | "metrics" | "artifact">;

/** Runs a script and writes the rows it returns to a Parquet file. */
export function executeScript(
  job: ScriptJob,
  _temporary: string,
  _session: Session,
): Promise<Produced> {
  throw new UserError(`${job.file} cannot be run`, { code: "script_failed", kind: "execution" });
}
