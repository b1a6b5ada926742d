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
    const key = `${type}\0${connection}`;
    let store = this.#open.get(key);
    if (store === undefined) {
      const target = findTargetType(type);
      if (target === null) throw unknownType(type);
      store = target.open(connectionOf(this.#profile, connection, target.name), this.#context);
      this.#open.set(key, store);
    }
    return store;
  }

  /** Writes by the store they go to, in the order in which stores first appear. */
  async group(writes: readonly TableWrite[]): Promise<StoreWrites[]> {
    const groups = new Map<string, TableWrite[]>();
    for (const write of writes) {
      const key = `${write.spec.type}\0${write.spec.connection}`;
      groups.set(key, [...(groups.get(key) ?? []), write]);
    }
    const result: StoreWrites[] = [];
    for (const own of groups.values()) {
      const { type, connection } = own[0]!.spec;
      result.push({ connection, store: await this.get(type, connection), writes: own });
    }
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#open.values()) {
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
