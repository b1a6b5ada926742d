import { readParquet } from "../../src/engine/quote.ts";
import { openSession } from "../../src/engine/registry.ts";
import type { Session } from "../../src/engine/session.ts";
import type { ModelProject } from "./model_project.ts";

/** All nodes of a model, built from scratch by the engine alone. */
export class ScratchBuild implements AsyncDisposable {
  readonly #session: Session;

  private constructor(session: Session) {
    this.#session = session;
  }

  /** Builds every node; outputs to compare with may be read below `dir`. */
  static async of(model: ModelProject, dir: string): Promise<ScratchBuild> {
    const session = await openSession({ threads: 1, allowedDirs: [dir] });
    await session.run(model.scratchSql().join(";\n"));
    return new ScratchBuild(session);
  }

  /** What is wrong with an output, compared as a bag with its columns in order; null when nothing is. */
  async difference(id: string, path: string): Promise<string | null> {
    const file = readParquet(path);
    const [own, made] = [await this.#columns(`FROM ${id}`), await this.#columns(`FROM ${file}`)];
    if (own !== made) return `columns ${made}, expected ${own}`;
    const { rows } = await this.#session.read(
      `SELECT (SELECT count(*) FROM (FROM ${id} EXCEPT ALL FROM ${file})), ` +
        `(SELECT count(*) FROM (FROM ${file} EXCEPT ALL FROM ${id}))`,
    );
    const [missing, extra] = rows[0]!.map(Number);
    return missing === 0 && extra === 0 ? null : `${missing} rows missing, ${extra} too many`;
  }

  /** Hash of a node's columns and bag of rows. */
  async content(id: string): Promise<string> {
    const { rows } = await this.#session.read(
      `SELECT count(*), sum(hash(hash(t))), bit_xor(hash(t)) FROM ${id} AS t`,
    );
    return `${await this.#columns(`FROM ${id}`)} ${rows[0]!.join(" ")}`;
  }

  async #columns(query: string): Promise<string> {
    const { rows } = await this.#session.read(`DESCRIBE ${query}`);
    return rows.map(([name, type]) => `${name} ${type}`).join(", ");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}
