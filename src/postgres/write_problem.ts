import type { TableWrite } from "../model/materialization.ts";
import { UserError } from "../base/user_error.ts";

/** Why a write cannot be done. */
export interface WriteProblem {
  readonly write: TableWrite;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** The same as an error, for what is found out only while writing. */
export function problemError({ code, message, hint }: WriteProblem): UserError {
  return new UserError(message, {
    code,
    kind: code === "missing_privilege" ? "security" : "execution",
    hint,
  });
}

/** An error for a batch that stops before anything is in place. */
export function validationFailed(write: TableWrite, message: string, hint?: string): UserError {
  return new UserError(`Validation of ${write.target} (${write.node}) failed: ${message}`, {
    code: "validation_failed",
    kind: "execution",
    hint,
  });
}
