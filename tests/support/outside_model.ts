import { openSession } from "../../src/engine/registry.ts";
import type { Session } from "../../src/engine/session.ts";
import type { CommitId, EnvName } from "../../src/model/ids.ts";
import type { MaterializationRecord } from "../../src/model/materialization.ts";
import { tablesOf } from "../../src/model/outside.ts";
import { StateRepo } from "../../src/state/state_repo.ts";
import type { OutsideShop } from "./outside_shop.ts";

/** One content that was brought into a table, with the table's rows after it. */
interface Step {
  readonly content: string;
  readonly rows: readonly string[];
}

/** A row of the tables that the model knows. */
interface Row {
  readonly id: number;
  readonly day: string;
  readonly amount: number;
}

/**
 * What tables outside must hold, worked out from the state alone: every commit that an environment
 * came by says which content each of its tables holds, and the mode says what that makes of the rows.
 *
 * Tables have the columns `id`, `day` and `amount`.
 */
export class OutsideModel implements AsyncDisposable {
  readonly #shop: OutsideShop;
  readonly #session: Session;
  /** By connection and target; the newest content last. */
  readonly #tables = new Map<string, { record: MaterializationRecord; steps: Step[] }>();
  readonly #seen = new Map<EnvName, number>();

  private constructor(shop: OutsideShop, session: Session) {
    this.#shop = shop;
    this.#session = session;
  }

  static async open(shop: OutsideShop): Promise<OutsideModel> {
    return new OutsideModel(shop, await openSession({ allowedDirs: [shop.root] }));
  }

  /** The state as it is now. */
  state(): StateRepo {
    return new StateRepo(this.#shop.path("target"), this.#shop.host, { readOnly: true });
  }

  /** Goes on to where the state is now. */
  async follow(): Promise<void> {
    const state = this.state();
    for (const env of state.environments()) {
      const moves = this.#log(env);
      for (const move of moves.slice(this.#seen.get(env) ?? 0)) await this.#apply(state, env, move);
      this.#seen.set(env, moves.length);
    }
  }

  /** An environment is gone; its tables stay unless they were `dropped`. */
  forget(env: EnvName, dropped: boolean): void {
    this.#seen.delete(env);
    if (!dropped) return;
    for (const [key, { record }] of [...this.#tables]) {
      const schema = record.target.split(".").at(-2)!;
      if (schema.startsWith(`${env}_`)) this.#tables.delete(key);
    }
  }

  /** Tables that differ from what they must hold, with both. */
  async differences(
    lakeRows: (targets: readonly string[]) => Promise<ReadonlyMap<string, readonly string[]>>,
  ): Promise<string[]> {
    const found: string[] = [];
    const lake = [...this.#tables.values()].filter(({ record }) => record.type === "iceberg");
    const rows = await lakeRows(lake.map(({ record }) => record.target));
    for (const { record, steps } of this.#tables.values()) {
      const now = record.type === "iceberg"
        ? rows.get(record.target)!
        : await this.#postgresRows(record);
      const [is, must] = [[...now].sort().join(" "), [...steps.at(-1)!.rows].sort().join(" ")];
      if (is === must) continue;
      found.push(`${record.type} ${record.target} (${record.mode})\n  is   ${is}\n  must ${must}`);
    }
    return found;
  }

  /** Production's tables whose content is not that of their node. */
  async behind(): Promise<string[]> {
    const state = this.state();
    const { manifest, results, outside } = await state.snapshot(state.head("prod" as EnvName));
    const held = tablesOf(outside, "prod" as EnvName);
    return [...manifest.nodes.values()].flatMap(({ id, materializations = [] }) => {
      const records = held.get(id) ?? [];
      const content = results.get(id)?.content_hash;
      const wrong = records.filter(({ content_hash }) => content_hash !== content);
      return records.length !== materializations.length
        ? [`${id}: ${records.length} of ${materializations.length} tables are on record`]
        : wrong.map(({ target }) => `${target} is not the output of ${id}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }

  #log(env: EnvName): CommitId[] {
    const path = `target/state.git/logs/refs/heads/${env}`;
    if (!this.#shop.exists(path)) return [];
    return this.#shop.read(path).trim().split("\n").map((line) => line.slice(41, 81) as CommitId);
  }

  async #apply(state: StateRepo, env: EnvName, id: CommitId): Promise<void> {
    const { trailers } = await state.commit(id);
    const isRollback = trailers["Seeknal-Action"] === "rollback" && trailers["Environment"] === env;
    const { outside } = await state.snapshot(id);
    for (const record of [...tablesOf(outside, env).values()].flat()) {
      const key = `${record.connection} ${record.target}`;
      const known = this.#tables.get(key) ?? { record, steps: [] };
      this.#tables.set(key, { record, steps: known.steps });
      const top = known.steps.at(-1);
      const isSame = top?.content === record.content_hash &&
        (known.record.spec_hash === record.spec_hash || record.mode === "append");
      if (isSame) continue;
      const isWhole = record.mode === "full" || record.mode === "view";
      if (isRollback && !isWhole) {
        while (known.steps.at(-1)?.content !== record.content_hash) {
          if (known.steps.pop() === undefined) {
            throw new Error(`${record.target} went back to a content that it never had`);
          }
        }
        continue;
      }
      const output = await this.#output(record.content_hash);
      known.steps.push({
        content: record.content_hash,
        rows: merged(record, (top?.rows ?? []).map(parsed), output).map(shown),
      });
    }
  }

  async #output(content: string): Promise<Row[]> {
    const path = this.#shop.path("target/cache/objects", `${content}.parquet`);
    const { rows } = await this.#session.read(
      `SELECT id::INTEGER, day::VARCHAR, amount::INTEGER FROM read_parquet('${path}')`,
    );
    return rows.map(([id, day, amount]) => ({
      id: Number(id),
      day: String(day),
      amount: Number(amount),
    }));
  }

  async #postgresRows({ connection, target }: MaterializationRecord): Promise<string[]> {
    const database = connection === "finance"
      ? this.#shop.databases.finance
      : this.#shop.databases.warehouse;
    const rows = await this.#shop.postgres.query<Row>(
      database,
      `SELECT id, day::text AS day, amount FROM ${target}`,
    ).catch((error) => [{ id: -1, day: String(error), amount: 0 }]);
    return rows.map(shown);
  }
}

/** A row in one word, as tables are compared. */
export function shown({ id, day, amount }: Row): string {
  return `${id}/${day}/${amount}`;
}

function parsed(row: string): Row {
  const [id, day, amount] = row.split("/");
  return { id: Number(id), day: day!, amount: Number(amount) };
}

function merged({ mode }: MaterializationRecord, before: Row[], output: Row[]): Row[] {
  switch (mode) {
    case "full":
    case "view":
      return output;
    case "append":
      return [...before, ...output];
    case "upsert_by_key": {
      const ids = new Set(output.map(({ id }) => id));
      return [...before.filter(({ id }) => !ids.has(id)), ...output];
    }
    case "incremental_by_time": {
      const days = output.map(({ day }) => day).sort();
      const isReplaced = ({ day }: Row) =>
        days.length > 0 && day >= days[0]! && day <= days.at(-1)!;
      return [...before.filter((row) => !isReplaced(row)), ...output];
    }
    case "overwrite_partitions":
      throw new Error("partitions are not in this model");
  }
}
