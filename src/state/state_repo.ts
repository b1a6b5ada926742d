import { join } from "node:path";
import {
  readTextIfExists,
  removeIfExists,
  statIfExists,
  writeFileAtomic,
} from "../base/atomic_write.ts";
import { canonicalJson } from "../base/canonical_json.ts";
import { withFileLock } from "../base/file_lock.ts";
import { UserError } from "../base/user_error.ts";
import type { Host } from "../model/host.ts";
import type { CommitId, EnvName, NodeId } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import type { Outside } from "../model/outside.ts";
import type { QualityRecord, StoredQuality } from "../model/quality.ts";
import { EMPTY_SNAPSHOT, type NodeRecord, type Snapshot } from "../model/snapshot.ts";
import { GitReader } from "./git_reader.ts";
import { buildTrees, type TreeEntry, writeTree } from "./git_tree.ts";
import { listRefs, moveRefs, readRef, type RefMoveNote } from "./move_ref.ts";
import { ObjectBatch } from "./object_batch.ts";
import { type LoadedFolder, SnapshotCache } from "./snapshot_cache.ts";
import { checkFormat, FORMAT_DOCUMENT, type NodeFolder, pathInFolder } from "./snapshot_tree.ts";
import { type CommitMessage, formatMessage, parseMessage, type Trailers } from "./trailers.ts";

/** A commit in the state repository, with its message taken apart. */
export interface CommitInfo {
  readonly id: CommitId;
  readonly tree: string;
  readonly parents: readonly CommitId[];
  readonly author: string;
  readonly date: Date;
  readonly subject: string;
  readonly body: string;
  readonly trailers: Trailers;
}

/** A snapshot laid out as Git objects that are not stored yet. */
export interface StagedSnapshot {
  readonly tree: string;
  /** Name of the `nodes` folder: the identity of the manifest. */
  readonly manifestTree: string;
  /** Name of the `results` folder: the identity of what was built. */
  readonly resultsTree: string;
}

/** A commit to make and the refs to move to it. */
export interface CommitRequest {
  readonly staged: StagedSnapshot;
  readonly parents: readonly CommitId[];
  readonly message: CommitMessage;
  /** The first is the one that counts, see `moveRefs`. */
  readonly moves: readonly { readonly env: EnvName; readonly from: CommitId | null }[];
}

/** A commit that is stored and not in force yet, with the document that says what is to come of it. */
export interface PendingRef {
  readonly name: string;
  /** Commit that holds the document. */
  readonly id: CommitId;
  /** The commit that waits. */
  readonly commit: CommitId;
}

const LOCK_TIMEOUT_MS = 10_000;
const HEADS = "refs/heads/";
const PENDING = "refs/promotions/";
const QUALITY = "refs/quality/";
const QUALITY_DOCUMENT = "checks.json";
const PENDING_DOCUMENT = "intent.json";

/** Stands for a folder without documents, which Git does not keep. */
const NO_FOLDER = "none";

/** The bare repository `target/state.git`: the only truth about environments. */
export class StateRepo {
  readonly gitDir: string;
  readonly #host: Host;
  readonly #cache: SnapshotCache;
  readonly #reader: GitReader;
  readonly #batch = new ObjectBatch();
  /** Names of blobs by the very object they were made from: carried documents are not hashed again. */
  readonly #blobOf = new WeakMap<object, string>();
  /** Documents that were read, by the names of their blobs. */
  readonly #documentOf = new Map<string, object>();
  readonly #stored = new Set<string>();
  /** Folders that were read or staged, by the name of their tree. */
  readonly #folders = new Map<string, LoadedFolder>();
  /** Names of trees by the very maps they stand for: a carried manifest is not laid out again. */
  readonly #treeOf = new WeakMap<ReadonlyMap<NodeId, object>, string>();
  readonly #snapshots = new Map<string, Snapshot>();
  readonly #commits = new Map<CommitId, CommitInfo>();

  constructor(targetDir: string, host: Host, options: { readonly readOnly: boolean }) {
    this.gitDir = join(targetDir, "state.git");
    this.#host = host;
    this.#cache = new SnapshotCache(targetDir, options.readOnly);
    this.#reader = new GitReader(this.gitDir);
  }

  /** Commit that an environment points at; null when it does not exist. */
  head(env: EnvName): CommitId | null {
    return readRef(this.gitDir, HEADS + env);
  }

  /** All environments, production included once it exists, sorted. */
  environments(): EnvName[] {
    return listRefs(this.gitDir, HEADS).map((ref) => ref.slice(HEADS.length) as EnvName);
  }

  /** Every ref of the repository with its commit. */
  refs(): Map<string, CommitId> {
    return new Map(
      listRefs(this.gitDir, "refs/").flatMap((ref) => {
        const commit = readRef(this.gitDir, ref);
        return commit === null ? [] : [[ref, commit] as const];
      }),
    );
  }

  /** Throws a `UserError` `unknown_commit` when there is no such commit. */
  async commit(id: CommitId): Promise<CommitInfo> {
    const known = this.#commits.get(id);
    if (known !== undefined) return known;
    try {
      const raw = await this.#reader.commit(id);
      const info: CommitInfo = {
        id,
        tree: raw.tree,
        parents: raw.parents,
        author: raw.author,
        date: new Date(raw.timestamp * 1000),
        ...parseMessage(raw.message),
      };
      this.#commits.set(id, info);
      return info;
    } catch (error) {
      const isUnknown = (error as { code?: unknown }).code === "NotFoundError";
      const why = error instanceof Error ? error.message : String(error);
      throw new UserError(`Cannot read commit "${id}" of the state repository: ${why}`, {
        code: isUnknown ? "unknown_commit" : "state_unreadable",
        kind: isUnknown ? "validation" : "execution",
        hint: isUnknown
          ? "look at the commits with: seeknal history"
          : "see what is wrong:\n    seeknal doctor",
        cause: error,
      });
    }
  }

  /** What a commit says; the empty snapshot for null. */
  async snapshot(id: CommitId | null): Promise<Snapshot> {
    if (id === null) return EMPTY_SNAPSHOT;
    const { tree } = await this.commit(id);
    const known = this.#snapshots.get(tree);
    if (known !== undefined) return known;
    const entries = new Map((await this.#reader.tree(tree)).map(({ path, oid }) => [path, oid]));
    const document = async (path: string) => {
      const oid = entries.get(path);
      if (oid === undefined) return null;
      const value = JSON.parse(new TextDecoder().decode(await this.#reader.blob(oid)));
      this.#blobOf.set(value, oid);
      this.#stored.add(oid);
      return value;
    };
    checkFormat(await document("format.json"));
    const nodes = await this.#readFolder(entries.get("nodes"));
    const snapshot: Snapshot = {
      manifest: { nodes: nodes as ReadonlyMap<NodeId, ManifestNode> },
      results: await this.#readFolder(entries.get("results")) as ReadonlyMap<NodeId, NodeRecord>,
      outside: await this.#readFolder(entries.get("outside")) as Outside,
      plan: await document("plan.json"),
      environment: await document("environment.json"),
    };
    this.#snapshots.set(tree, snapshot);
    return snapshot;
  }

  /** Lays a snapshot out and names its tree. Stores nothing. */
  stage({ manifest, results, outside, plan, environment }: Snapshot): StagedSnapshot {
    const manifestTree = this.#stageFolder(manifest.nodes);
    const resultsTree = this.#stageFolder(results);
    const outsideTree = this.#stageFolder(outside);
    const entries = [
      ...(environment === null ? [] : [this.#fileEntry("environment.json", environment)]),
      this.#fileEntry("format.json", FORMAT_DOCUMENT),
      ...(manifest.nodes.size === 0 ? [] : [folderEntry("nodes", manifestTree)]),
      ...(outside.size === 0 ? [] : [folderEntry("outside", outsideTree)]),
      ...(plan === null ? [] : [this.#fileEntry("plan.json", plan)]),
      ...(results.size === 0 ? [] : [folderEntry("results", resultsTree)]),
    ];
    return { tree: writeTree(entries, this.#batch, { loose: true }), manifestTree, resultsTree };
  }

  /** What a commit's tree is, without laying it out. */
  async stagedAs(id: CommitId): Promise<StagedSnapshot> {
    const { tree } = await this.commit(id);
    const { manifest, results } = await this.snapshot(id);
    const manifestTree = this.#stageFolder(manifest.nodes);
    return { tree, manifestTree, resultsTree: this.#stageFolder(results) };
  }

  /** The identity of a manifest: equal for equal manifests, whatever else a snapshot holds. */
  manifestTree(manifest: Manifest): string {
    return this.#stageFolder(manifest.nodes);
  }

  #stageFolder(documents: ReadonlyMap<NodeId, object>): string {
    if (documents.size === 0) return NO_FOLDER;
    const known = this.#treeOf.get(documents);
    if (known !== undefined) return known;
    const blobs = new Map<NodeId, string>();
    for (const [id, document] of documents) blobs.set(id, this.#blob(document));
    const paths = new Map([...blobs].map(([id, oid]) => [pathInFolder(id), oid]));
    const { root, trees } = buildTrees(paths, this.#batch);
    this.#treeOf.set(documents, root);
    if (!this.#folders.has(root)) this.#folders.set(root, { documents, blobs, trees });
    return root;
  }

  #fileEntry(name: string, document: object): TreeEntry {
    return { mode: "100644", name, oid: this.#blob(document, { loose: true }) };
  }

  #blob(document: object, options = { loose: false }): string {
    let oid = this.#blobOf.get(document);
    if (oid === undefined) {
      oid = this.#batch.add("blob", new TextEncoder().encode(canonicalJson(document)), options);
      this.#blobOf.set(document, oid);
    }
    return oid;
  }

  /**
   * Stores a staged snapshot as a commit and moves refs to it, all or none.
   * Throws a `UserError` `ref_moved` (exit 4) that names who was faster.
   */
  async write(request: CommitRequest): Promise<CommitId> {
    await this.#create();
    const id = this.#addCommit(request);
    const moves = request.moves.map(({ env, from }) => ({ env, from, to: id }));
    // Under the lock from the first object on: a repack must not take away one that is there already.
    await this.#move(moves, request.message.subject, () => this.#flush());
    this.#keepFolders();
    return id;
  }

  /**
   * Moves environments to a commit that is stored already, all or none. Throws a
   * `UserError` `ref_moved` (exit 4) that names who was faster.
   */
  async moveTo(id: CommitId, moves: CommitRequest["moves"]): Promise<void> {
    const { subject } = await this.commit(id);
    await this.#move(moves.map(({ env, from }) => ({ env, from, to: id })), subject);
  }

  /**
   * Stores a snapshot as a commit that no environment points at yet (or takes one that is there),
   * and beside it a document that says what is to come of it. The ref `refs/promotions/NAME` keeps
   * both from being cleaned up. Throws a `UserError` `ref_moved` (exit 4) when there is a document already.
   */
  async writePending(
    name: string,
    waiting: Omit<CommitRequest, "moves"> | CommitId,
    document: (commit: CommitId) => object,
  ): Promise<PendingRef> {
    await this.#create();
    const isStored = typeof waiting === "string";
    const commit = isStored ? waiting : this.#addCommit(waiting);
    const subject = isStored ? (await this.commit(commit)).subject : waiting.message.subject;
    const id = this.#addPending(commit, document(commit), subject);
    await this.#movePending({ name, from: null, to: id }, subject, () => this.#flush());
    this.#keepFolders();
    return { name, id, commit };
  }

  /** Puts another document in the place of a pending one. Throws `ref_moved` (exit 4). */
  async updatePending(pending: PendingRef, document: object): Promise<PendingRef> {
    const { subject } = await this.commit(pending.commit);
    const id = this.#addPending(pending.commit, document, subject);
    await this.#movePending(
      { name: pending.name, from: pending.id, to: id },
      subject,
      () => this.#flush(),
    );
    return { ...pending, id };
  }

  /** Removes a pending document. Throws `ref_moved` (exit 4). */
  async removePending({ name, id, commit }: PendingRef): Promise<void> {
    const { subject } = await this.commit(commit);
    await this.#movePending({ name, from: id, to: null }, subject);
  }

  /** The pending document of that name; null when there is none. */
  async readPending(name: string): Promise<{ ref: PendingRef; document: unknown } | null> {
    const id = readRef(this.gitDir, PENDING + name);
    if (id === null) return null;
    const { tree, parents } = await this.commit(id);
    const entry = (await this.#reader.tree(tree)).find(({ path }) => path === PENDING_DOCUMENT)!;
    const document = JSON.parse(new TextDecoder().decode(await this.#reader.blob(entry.oid)));
    return { ref: { name, id, commit: parents[0]! }, document };
  }

  /** Adds what checks found to an environment's history of quality: a commit on `refs/quality/ENV`, with one document. */
  async addQuality(record: QualityRecord, message: CommitMessage): Promise<void> {
    await this.#create();
    const ref = QUALITY + record.environment;
    const entries = [this.#fileEntry(QUALITY_DOCUMENT, record)];
    const tree = writeTree(entries, this.#batch, { loose: true });
    const staged = { tree, manifestTree: NO_FOLDER, resultsTree: NO_FOLDER };
    await this.locked(() => {
      const from = readRef(this.gitDir, ref);
      const to = this.#addCommit({ staged, parents: from === null ? [] : [from], message });
      this.#flush();
      moveRefs(this.gitDir, [{ ref, from, to }], this.#note(message.subject));
    });
  }

  /** What checks found in an environment, newest first, up to `limit` commands. */
  async quality(env: EnvName, limit: number): Promise<StoredQuality[]> {
    const found: StoredQuality[] = [];
    let id = readRef(this.gitDir, QUALITY + env);
    while (id !== null && found.length < limit) {
      const { tree, parents, date } = await this.commit(id);
      const entry = (await this.#reader.tree(tree)).find(({ path }) => path === QUALITY_DOCUMENT)!;
      const record = JSON.parse(new TextDecoder().decode(await this.#reader.blob(entry.oid)));
      checkFormat(record);
      found.push({ id, date, record });
      id = parents[0] ?? null;
    }
    return found;
  }

  /** Names of all pending documents, sorted. */
  pending(): string[] {
    return listRefs(this.gitDir, PENDING).map((ref) => ref.slice(PENDING.length));
  }

  #addCommit(request: Omit<CommitRequest, "moves">): CommitId {
    return this.#batch.add("commit", this.#encodeCommit(request), { loose: true }) as CommitId;
  }

  #addPending(commit: CommitId, document: object, subject: string): CommitId {
    const entries = [this.#fileEntry(PENDING_DOCUMENT, document)];
    const tree = writeTree(entries, this.#batch, { loose: true });
    const staged = { tree, manifestTree: NO_FOLDER, resultsTree: NO_FOLDER };
    const message = { subject: `pending: ${subject}`, body: "", trailers: {} };
    return this.#addCommit({ staged, parents: [commit], message });
  }

  #flush(): void {
    this.#batch.flush(this.gitDir, (oid) => this.#stored.has(oid));
  }

  #keepFolders(): void {
    for (const [tree, folder] of this.#folders) {
      if (this.#stored.has(tree)) continue;
      this.#remember(folder);
      this.#cache.write(tree, folder);
    }
  }

  async #movePending(
    { name, from, to }: { name: string; from: CommitId | null; to: CommitId | null },
    why: string,
    before: () => void = () => {},
  ): Promise<void> {
    const conflict = await this.locked(() => {
      before();
      return moveRefs(this.gitDir, [{ ref: PENDING + name, from, to }], this.#note(why));
    });
    if (conflict !== null) throw pendingConflict(name);
  }

  /** Throws a `UserError` `ref_moved` (exit 4) that names who was faster unless an environment is at a commit. */
  async requireAt(env: EnvName, at: CommitId | null): Promise<void> {
    const found = this.head(env);
    if (found !== at) throw await this.#conflict(env, found);
  }

  /** True where an environment is at a commit, or went on from it. */
  async hasReached(env: EnvName, id: CommitId): Promise<boolean> {
    const head = this.head(env);
    return head !== null && await this.isAncestor(id, head);
  }

  /** Removes an environment's ref. Throws `ref_moved` when it is not at `from` any more. */
  async deleteEnvironment(env: EnvName, from: CommitId): Promise<void> {
    await this.#move([{ env, from, to: null }], `delete ${env}`);
    await this.locked(() => {
      const ref = QUALITY + env;
      const at = readRef(this.gitDir, ref);
      if (at === null) return;
      moveRefs(this.gitDir, [{ ref, from: at, to: null }], this.#note(`delete ${env}`));
    });
    removeIfExists(this.#accessPath(env));
  }

  /** Commits reachable from one, newest first, up to `limit`. */
  async log(from: CommitId, limit: number): Promise<CommitInfo[]> {
    const queue = [await this.commit(from)];
    const seen = new Set<CommitId>([from]);
    const result: CommitInfo[] = [];
    while (queue.length > 0 && result.length < limit) {
      queue.sort((a, b) => b.date.getTime() - a.date.getTime());
      const next = queue.shift()!;
      result.push(next);
      for (const parent of next.parents) {
        if (seen.has(parent)) continue;
        seen.add(parent);
        queue.push(await this.commit(parent));
      }
    }
    return result;
  }

  /** True when `ancestor` can be reached from `from`, or is it. */
  async isAncestor(ancestor: CommitId, from: CommitId): Promise<boolean> {
    const queue = [from];
    const seen = new Set<CommitId>(queue);
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
      if (id === ancestor) return true;
      for (const parent of (await this.commit(id)).parents) {
        if (!seen.has(parent)) {
          seen.add(parent);
          queue.push(parent);
        }
      }
    }
    return false;
  }

  /** The commit whose full name begins with `prefix`; null when none or several do. */
  async expand(prefix: string): Promise<CommitId | null> {
    return await this.#reader.expand(prefix) as CommitId | null;
  }

  /** Reads any object; for checks and repacking. */
  object(oid: string): Promise<{ type: string; data: Uint8Array }> {
    return this.#reader.object(oid);
  }

  /** Entries of a tree; for walking history without loading snapshots. */
  treeEntries(oid: string): Promise<{ path: string; oid: string; type: string }[]> {
    return this.#reader.tree(oid);
  }

  /** Runs `work` while no other process moves a ref or repacks. */
  locked<T>(work: () => Promise<T> | T): Promise<T> {
    const holder = `process ${Deno.pid} of ${this.#host.user.name}`;
    const options = { timeoutMs: LOCK_TIMEOUT_MS, holder };
    return withFileLock(join(this.gitDir, "seeknal", "lock"), options, work);
  }

  /** When an environment was last used: its newest commit, or a later use that left no commit. */
  async lastAccessed(env: EnvName, head: CommitId): Promise<Date> {
    const committed = (await this.commit(head)).date;
    const used = new Date(readTextIfExists(this.#accessPath(env)) ?? 0);
    return used > committed ? used : committed;
  }

  /** Notes that an environment was used now. */
  touch(env: EnvName): void {
    if (this.head(env) === null) return;
    writeFileAtomic(this.#accessPath(env), this.#host.now().toISOString());
  }

  #accessPath(env: EnvName): string {
    return join(this.gitDir, "seeknal", "last_accessed", env);
  }

  async #move(
    moves: readonly { env: EnvName; from: CommitId | null; to: CommitId | null }[],
    why: string,
    before: () => void = () => {},
  ): Promise<void> {
    const refs = moves.map(({ env, from, to }) => ({ ref: HEADS + env, from, to }));
    const conflict = await this.locked(() => {
      before();
      return moveRefs(this.gitDir, refs, this.#note(why));
    });
    if (conflict !== null) {
      throw await this.#conflict(conflict.ref.slice(HEADS.length), conflict.found);
    }
  }

  #note(why: string): RefMoveNote {
    const { name, email } = this.#host.user;
    return { who: `${name} <${email}>`, when: this.#seconds(), why };
  }

  async #conflict(env: string, found: CommitId | null): Promise<UserError> {
    const who = found === null ? "it was deleted" : await this.#lastMove(found);
    return new UserError(`Cannot move "${env}": another command was faster (${who})`, {
      code: "ref_moved",
      kind: "execution",
      hint: `finished outputs are kept; plan again to go on from there:\n    seeknal plan ${
        env === "prod" ? "" : env
      }`.trimEnd(),
    });
  }

  async #lastMove(id: CommitId): Promise<string> {
    const { author, subject } = await this.commit(id);
    return `${author}: ${subject}, now at ${id.slice(0, 7)}`;
  }

  /** Made under another name and renamed, so that a killed process leaves no half repository. */
  async #create(): Promise<void> {
    if (statIfExists(join(this.gitDir, "HEAD")) !== null) return;
    const temporary = `${this.gitDir}.${Deno.pid}.tmp`;
    Deno.mkdirSync(temporary, { recursive: true });
    const { initBare } = await import("./isomorphic.ts");
    await initBare(temporary);
    Deno.mkdirSync(join(temporary, "seeknal"), { recursive: true });
    try {
      Deno.renameSync(temporary, this.gitDir);
    } catch (error) {
      Deno.removeSync(temporary, { recursive: true });
      if (statIfExists(join(this.gitDir, "HEAD")) === null) throw error;
    }
  }

  #encodeCommit({ staged, parents, message }: Omit<CommitRequest, "moves">): Uint8Array {
    const { name, email } = this.#host.user;
    const stamp = `${name} <${email}> ${this.#seconds()} +0000`;
    const lines = [
      `tree ${staged.tree}`,
      ...parents.map((parent) => `parent ${parent}`),
      `author ${stamp}`,
      `committer ${stamp}`,
      "",
      formatMessage(message),
    ];
    return new TextEncoder().encode(lines.join("\n"));
  }

  #seconds(): number {
    return Math.floor(this.#host.now().getTime() / 1000);
  }

  #remember({ blobs, trees }: LoadedFolder): void {
    for (const oid of blobs.values()) this.#stored.add(oid);
    for (const oid of trees) this.#stored.add(oid);
  }

  async #readFolder(tree: string | undefined): Promise<ReadonlyMap<NodeId, object>> {
    if (tree === undefined) return new Map();
    let folder = this.#folders.get(tree);
    if (folder === undefined) {
      folder = this.#withKnownDocuments(
        this.#cache.read(tree, (oid) => this.#documentOf.get(oid)) ??
          await this.#readFolderFromGit(tree),
      );
      this.#folders.set(tree, folder);
      this.#remember(folder);
      this.#treeOf.set(folder.documents, tree);
    }
    return folder.documents;
  }

  /** What two folders have in common is the very same object in both: it need not be compared, or kept twice. */
  #withKnownDocuments({ documents, blobs, trees }: LoadedFolder): LoadedFolder {
    const shared = new Map<NodeId, object>();
    for (const [id, document] of documents) {
      const oid = blobs.get(id)!;
      const known = this.#documentOf.get(oid);
      if (known === undefined) {
        this.#documentOf.set(oid, document);
        this.#blobOf.set(document, oid);
      }
      shared.set(id, known ?? document);
    }
    return { documents: shared, blobs, trees };
  }

  async #readFolderFromGit(root: string): Promise<LoadedFolder> {
    const found: { id: NodeId; oid: string; document: object }[] = [];
    const trees: string[] = [];
    const decoder = new TextDecoder();
    const visit = async (oid: string): Promise<void> => {
      trees.push(oid);
      for (const entry of await this.#reader.tree(oid)) {
        if (entry.type === "tree") await visit(entry.oid);
        else {
          const document = JSON.parse(decoder.decode(await this.#reader.blob(entry.oid)));
          found.push({ id: document.id, oid: entry.oid, document });
        }
      }
    };
    await visit(root);
    found.sort((a, b) => (a.id < b.id ? -1 : 1));
    const folder = {
      documents: new Map(found.map(({ id, document }) => [id, document])),
      blobs: new Map(found.map(({ id, oid }) => [id, oid])),
      trees,
    };
    this.#cache.write(root, folder);
    return folder;
  }
}

function pendingConflict(name: string): UserError {
  return new UserError(`Cannot go on with "${name}": another command is at work on it`, {
    code: "ref_moved",
    kind: "execution",
    hint: "see how it stands:\n    seeknal doctor",
  });
}

function folderEntry(name: NodeFolder, oid: string): TreeEntry {
  return { mode: "40000", name, oid };
}
