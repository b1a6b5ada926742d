import { compactJson } from "../base/canonical_json.ts";
import { UserError } from "../base/user_error.ts";
import type { TableWrite } from "../model/materialization.ts";
import { connectionOf, type Profile } from "../model/profile.ts";
import { findTargetType } from "../targets/registry.ts";
import type { StoreContext, TargetStore } from "../targets/target_type.ts";

/** The systems that a batch writes to, each opened when it is first needed. */
export class Stores implements AsyncDisposable {
  readonly #profile: Profile;
  readonly #context: StoreContext;
  readonly #open = new Map<string, Promise<TargetStore>>();

  constructor(profile: Profile, context: StoreContext) {
    this.#profile = profile;
    this.#context = context;
  }

  /** The store behind a connection. Throws what connecting throws, and `unknown_connection` (2). */
  get(type: string, connection: string): Promise<TargetStore> {
    const named = `${type}\0${connection}`;
    let store = this.#open.get(named);
    if (store === undefined) {
      const target = findTargetType(type);
      if (target === null) throw unknownType(type);
      const spec = connectionOf(this.#profile, connection, target.name);
      // Two names of one database are one store: two would wait for each other's batch. A catalog's name is its own.
      const key = type === "postgresql" ? compactJson([type, spec.options]) : named;
      store = this.#open.get(key) ?? target.open(spec, this.#context);
      this.#open.set(named, store);
      this.#open.set(key, store);
    }
    return store;
  }

  /** Writes by the store they go to, in the order in which stores first appear. */
  async group(writes: readonly TableWrite[]): Promise<StoreWrites[]> {
    const groups = new Map<TargetStore, TableWrite[]>();
    for (const write of writes) {
      const store = await this.get(write.spec.type, write.spec.connection);
      groups.set(store, [...(groups.get(store) ?? []), write]);
    }
    return [...groups].map(([store, own]) => ({
      connection: own[0]!.spec.connection,
      store,
      writes: own,
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of new Set(this.#open.values())) {
      const open = await store.catch(() => null);
      await open?.[Symbol.asyncDispose]();
    }
    this.#open.clear();
  }
}

/** The part of a batch that one store does. */
export interface StoreWrites {
  readonly connection: string;
  readonly store: TargetStore;
  readonly writes: readonly TableWrite[];
}

function unknownType(type: string): UserError {
  return new UserError(`This version of seeknal cannot write to "${type}"`, {
    code: "unknown_target",
    kind: "dependency",
    hint: "use the version that planned it, or a newer one",
  });
}
