import assert from "node:assert/strict";
import { openSession } from "../../src/engine/registry.ts";
import type { Session, SqlError } from "../../src/engine/session.ts";
import { type NodeId, splitNodeId } from "../../src/model/ids.ts";
import type { ManifestNode } from "../../src/model/manifest.ts";
import { Binder, type BoundQuery } from "../../src/sql/binder.ts";
import { makeNode } from "./nodes.ts";

/** Columns by name, with their types. */
export type TestColumns = Readonly<Record<string, string>>;

/** The real binder in a real DuckDB session, locked as the program locks it. */
export class TestBinder implements AsyncDisposable {
  readonly binder: Binder;
  readonly #sessions: readonly Session[];

  private constructor(session: Session, parser: Session) {
    this.#sessions = [session, parser];
    this.binder = new Binder(session, parser);
  }

  /** Opens a session in which the given nodes exist. */
  static async open(nodes: Readonly<Record<string, TestColumns>> = {}): Promise<TestBinder> {
    const options = { threads: 1, allowedDirs: [] };
    const session = await openSession(options);
    const binder = new TestBinder(session, await session.fork());
    await binder.binder.declare(
      Object.entries(nodes).map(([id, columns]) => ({
        id: id as NodeId,
        columns: Object.entries(columns).map(([name, type]) => ({ name, type })),
      })),
    );
    return binder;
  }

  /** What the engine says about a query that must bind. */
  async bind(sql: string, id = "transform.t"): Promise<BoundQuery> {
    const [result] = await this.binder.bind([{ id: id as NodeId, sql }]);
    if (!result!.ok) throw result!.error;
    return result!.bound;
  }

  /** Why the engine refuses a query that must not bind. */
  async refuse(sql: string): Promise<SqlError> {
    const [result] = await this.binder.bind([{ id: "transform.t" as NodeId, sql }]);
    assert.equal(result!.ok, false, `binds: ${sql}`);
    return (result as { error: SqlError }).error;
  }

  /** The manifest node of a transform with this query. */
  async node(
    sql: string,
    parts: Partial<ManifestNode> & { readonly id?: NodeId } = {},
  ): Promise<ManifestNode> {
    const { shape, canonicalSql, queryHash, relations } = await this.bind(sql, parts.id);
    return makeNode({
      ...splitNodeId(parts.id ?? "transform.t" as NodeId),
      inputs: (relations ?? []) as NodeId[],
      config: { transform: sql, params: "{}" },
      sql: canonicalSql,
      query_hash: queryHash,
      shape,
      ...parts,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.toReversed()) await session[Symbol.asyncDispose]();
  }
}
