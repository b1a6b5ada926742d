import { UserError } from "../base/user_error.ts";
import type { CommitId, EnvName } from "../model/ids.ts";
import type { TableWrite } from "../model/materialization.ts";

/** What a batch set out to do, kept in the state repository from before its first write until it is over. */
export interface Intent {
  readonly format_version: 1;
  /** Names what is staged in the systems outside. */
  readonly id: string;
  readonly action: "promote" | "rollback" | "run";
  /** Whose tables are written, and whose ref moves. */
  readonly environment: EnvName;
  /** Absolute path of `--profile`; null: the environment's own. */
  readonly profile: string | null;
  /**
   * `staging`: no table outside has changed. `swapping`: some may have.
   * `each`: every table for itself, and no ref is to move (a run of an environment).
   */
  readonly phase: "staging" | "swapping" | "each";
  /** Refs to move to the waiting commit, the one that counts first. */
  readonly moves: readonly { readonly env: EnvName; readonly from: CommitId | null }[];
  readonly writes: readonly TableWrite[];
}

/** Reads a stored intent. Throws `newer_format` (5) for one of a later version. */
export function parseIntent(document: unknown): Intent {
  const intent = document as Intent;
  if (intent.format_version === 1) return intent;
  throw new UserError(
    `Cannot read what a killed command left: format ${intent.format_version} is of a newer seeknal`,
    {
      code: "newer_format",
      kind: "dependency",
      hint: "use the version that wrote it, or a newer one",
    },
  );
}
