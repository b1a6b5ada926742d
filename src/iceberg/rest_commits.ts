import { UserError } from "../base/user_error.ts";
import {
  CommitConflict,
  type LoadedTable,
  type TableCommit,
  type TableIdentifier,
} from "./catalog.ts";
import { displayName } from "./catalog_names.ts";
import { checkRequirements } from "./check_requirements.ts";
import {
  type RestAnswer,
  type RestClient,
  type RestRequest,
  UnknownOutcome,
} from "./rest_client.ts";
import { type Outcome, outcomeOf } from "./rest_outcome.ts";
import type { TableUpdate } from "./table_metadata.ts";

/** What committing needs of a catalog. */
export interface RestCommitsOptions {
  readonly client: RestClient;
  readonly base: string;
  readonly timeoutMs: number;
  readonly isAtomic: boolean;
  readonly tablePath: (identifier: TableIdentifier) => string;
  readonly load: (identifier: TableIdentifier) => Promise<LoadedTable | null>;
  readonly drop: (identifier: TableIdentifier) => Promise<void>;
}

/** Pauses between looks at a commit that was not answered, in milliseconds. */
const LOOKS = [0, 500, 1500, 4000];

/** Updates that belong to data rather than to the making of a table. */
const DATA: ReadonlySet<TableUpdate["action"]> = new Set<TableUpdate["action"]>([
  "add-snapshot",
  "set-snapshot-ref",
  "remove-snapshot-ref",
  "remove-snapshots",
]);

/** Makes commits over the REST protocol; a commit is never sent twice. */
export class RestCommits {
  readonly #options: RestCommitsOptions;

  constructor(options: RestCommitsOptions) {
    this.#options = options;
  }

  /** See `Catalog.commit`. */
  async commit(commits: readonly TableCommit[]): Promise<void> {
    if (commits.length > 1 && this.#options.isAtomic) return await this.#commitTogether(commits);
    for (const commit of commits) await this.#commitOne(commit);
  }

  async #commitOne(commit: TableCommit): Promise<void> {
    const path = this.#options.tablePath(commit.identifier);
    await this.#send([commit], { method: "POST", path, body: bodyOf(commit) });
  }

  /**
   * Transactions of the protocol are about tables that exist. New ones are made empty first, and taken
   * back when the transaction fails.
   */
  async #commitTogether(commits: readonly TableCommit[]): Promise<void> {
    const created: TableCommit[] = [];
    try {
      const changes: TableCommit[] = [];
      for (const commit of commits) {
        if (commit.base !== null) {
          changes.push(commit);
          continue;
        }
        const { creation, data } = splitCreation(commit);
        await this.#commitOne(creation);
        created.push(creation);
        if (data !== null) changes.push(data);
      }
      if (changes.length === 0) return;
      const path = `${this.#options.base}/transactions/commit`;
      const body = { "table-changes": changes.map(bodyOf) };
      await this.#send(changes, { method: "POST", path, body });
    } catch (error) {
      const isOpen = error instanceof UserError && error.code === "commit_state_unknown";
      if (!isOpen) await this.#takeBack(created);
      throw error;
    }
  }

  async #takeBack(created: readonly TableCommit[]): Promise<void> {
    for (const { identifier, updates } of created) {
      try {
        const table = await this.#options.load(identifier);
        const uuid = updates.find((update) => update.action === "assign-uuid")?.uuid;
        const isOurs = table?.metadata["table-uuid"] === uuid &&
          table?.metadata.snapshots.length === 0;
        if (isOurs) await this.#options.drop(identifier);
      } catch {
        // Why the commit failed matters more than an empty table that stays.
      }
    }
  }

  async #send(
    commits: readonly TableCommit[],
    request: Omit<RestRequest, "timeoutMs">,
  ): Promise<void> {
    const { client, timeoutMs } = this.#options;
    try {
      const answer = await client.send({ ...request, timeoutMs });
      if (answer.status >= 300) throw await this.#refused(commits, answer, request);
    } catch (error) {
      if (!(error instanceof UnknownOutcome)) throw error;
      await this.#find(commits, error);
    }
  }

  /** The error for an answer that says that nothing was done. */
  async #refused(
    commits: readonly TableCommit[],
    answer: RestAnswer,
    request: Pick<RestRequest, "method" | "path">,
  ): Promise<Error> {
    if (answer.status === 404 && answer.errorType === "NoSuchNamespaceException") {
      const { identifier } = commits[0]!;
      return new UserError(
        `Cannot create ${displayName(identifier)}: ${answer.message}`,
        { code: "namespace_missing", kind: "validation" },
      );
    }
    // 400 is also what some catalogs say to an update that others have overtaken.
    if ([400, 404, 409].includes(answer.status)) {
      const conflict = await this.#conflict(commits, answer);
      if (conflict !== null) return conflict;
    }
    return this.#options.client.refusal(answer, request);
  }

  async #conflict(
    commits: readonly TableCommit[],
    answer: RestAnswer,
  ): Promise<CommitConflict | null> {
    for (const { identifier, base, requirements } of commits) {
      const table = await this.#options.load(identifier);
      const problem = checkRequirements(table?.metadata ?? null, requirements);
      if (problem !== null) return new CommitConflict(identifier, problem);
      const isChanged = base !== null &&
        table?.metadata["last-updated-ms"] !== base.metadata["last-updated-ms"];
      if (isChanged) return new CommitConflict(identifier, answer.message);
    }
    return answer.status === 409
      ? new CommitConflict(commits[0]!.identifier, answer.message)
      : null;
  }

  /** Looks whether a commit that was not answered went through. Throws when it did not, and when nobody can tell. */
  async #find(commits: readonly TableCommit[], unanswered: UnknownOutcome): Promise<void> {
    let seen: Outcome[] = [];
    for (const pause of LOOKS) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      seen = await this.#look(commits, unanswered);
      if (seen.every((outcome) => outcome === "applied")) return;
      const lost = seen.indexOf("impossible");
      if (lost >= 0 && !seen.includes("applied")) {
        throw new CommitConflict(commits[lost]!.identifier, "somebody else was faster");
      }
      if (unanswered.isOver && !seen.includes("applied")) {
        throw new UserError(
          `${capitalised(this.#options.client.title)} failed to commit: ${unanswered.message}`,
          {
            code: "catalog_unavailable",
            kind: "dependency",
            hint: "nothing was changed; try again when the catalog is well",
          },
        );
      }
    }
    throw unknownState(commits, unanswered);
  }

  async #look(commits: readonly TableCommit[], unanswered: UnknownOutcome): Promise<Outcome[]> {
    try {
      return await Promise.all(commits.map(async (commit) => {
        const table = await this.#options.load(commit.identifier);
        return outcomeOf(table?.metadata ?? null, commit);
      }));
    } catch (error) {
      throw unknownState(commits, unanswered, error);
    }
  }
}

/** What makes an empty table, and what puts data into it; null when there is none. */
function splitCreation(
  commit: TableCommit,
): { creation: TableCommit; data: TableCommit | null } {
  const updates = commit.updates.filter(({ action }) => DATA.has(action));
  const creation = {
    ...commit,
    updates: commit.updates.filter(({ action }) => !DATA.has(action)),
  };
  if (updates.length === 0) return { creation, data: null };
  const uuid = commit.updates.find((update) => update.action === "assign-uuid")?.uuid;
  const requirements = uuid === undefined ? [] : [{ type: "assert-table-uuid" as const, uuid }];
  return { creation, data: { ...commit, requirements, updates } };
}

function bodyOf({ identifier, requirements, updates }: TableCommit): unknown {
  return {
    identifier: { namespace: identifier.slice(0, -1), name: identifier.at(-1) },
    requirements,
    updates,
  };
}

function unknownState(
  commits: readonly TableCommit[],
  unanswered: UnknownOutcome,
  cause?: unknown,
): UserError {
  const names = commits.map(({ identifier }) => displayName(identifier)).join(", ");
  return new UserError(
    `It is not known whether the commit to ${names} went through: ${unanswered.message}`,
    {
      code: "commit_state_unknown",
      kind: "execution",
      hint: "run the command again when the catalog answers: it looks first",
      cause: cause ?? unanswered,
    },
  );
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
