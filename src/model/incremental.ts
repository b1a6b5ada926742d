import type { Interval } from "../base/time_intervals.ts";
import type { ContentHash, Fingerprint } from "./ids.ts";

/** The output that an incremental build goes on from. */
export interface IncrementalBase {
  readonly fingerprint: Fingerprint;
  readonly content_hash: ContentHash;
}

/** What an output that is built piece by piece is made of. Part of the manifest, and so of the state. */
export interface IncrementalState {
  /** Hash of the query and of the queries it reads from, data aside: another one starts from scratch. */
  readonly logic: string;
  /** The output it goes on from; null: from scratch. */
  readonly base: IncrementalBase | null;
  /** By time: intervals that are built on top of the base, replacing what it has of them. */
  readonly build: readonly Interval[];
  /** By time: all intervals that the output holds. */
  readonly done: readonly Interval[];
  /** Fingerprint of a build of everything from what is read: what new rows were taken from. */
  readonly inputs: string;
  /** Changes upstream for which somebody decided that it starts from scratch; absent: none. */
  readonly decided?: string;
}
