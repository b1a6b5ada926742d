import type { CommitId } from "../model/ids.ts";
import type { StateRepo } from "../state/state_repo.ts";

/**
 * The commit under those that only record what was delivered: what an environment holds is the same in all of them, so
 * that whoever planned on top of one is on top of the others too.
 */
export async function beforeDeliveries(state: StateRepo, id: CommitId): Promise<CommitId> {
  let commit = await state.commit(id);
  while (commit.trailers["Seeknal-Action"] === "deliver" && commit.parents[0] !== undefined) {
    commit = await state.commit(commit.parents[0]);
  }
  return commit.id;
}
