import { compactJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/hash.ts";
import {
  addUnits,
  coversIntervals,
  floorTime,
  intersectIntervals,
  type Interval,
  interval,
  mergeIntervals,
  parseTime,
  subtractIntervals,
} from "../base/time_intervals.ts";
import type { IncrementalBase, IncrementalState } from "../model/incremental.ts";
import type { ManifestNode, QueryShape, SourceVersion } from "../model/manifest.ts";
import type { IncrementalByTime, IncrementalSpec } from "../model/node.ts";
import { type FingerprintInput, fingerprintsOf } from "./fingerprint.ts";

/** An output of the same node that is there, with what it is made of. */
export interface IncrementalCandidate {
  readonly base: IncrementalBase;
  readonly state: IncrementalState;
  /** By time: intervals that nodes upstream, built by time as well, built again or added since. */
  readonly stale: readonly Interval[];
}

/** What is asked for on the command line. */
export interface IntervalRequest {
  /** Milliseconds; null: from where the node begins. */
  readonly startMs: number | null;
  /** Milliseconds; null: up to now. */
  readonly endMs: number | null;
  /** True: intervals that are done are built again, in these limits; without limits from scratch. */
  readonly restate: boolean;
}

/** Nothing in particular: whatever is pending. */
export const NO_INTERVAL_REQUEST: IntervalRequest = { startMs: null, endMs: null, restate: false };

/** What an incremental node's next output is decided by. */
export interface IncrementalQuestion {
  readonly spec: IncrementalSpec;
  readonly logic: string;
  /** Fingerprint that a build of everything would have. */
  readonly inputs: string;
  /** Changes upstream for which somebody decided that everything is built again; absent: none. */
  readonly decided?: string | undefined;
  /** In the order in which they are preferred. */
  readonly candidates: readonly IncrementalCandidate[];
  readonly nowMs: number;
  readonly request: IntervalRequest;
}

/**
 * What the output has to be made of. Where nothing is pending that is exactly a candidate's
 * state: the output is taken as it is, whatever happened to the data it was once read from.
 */
export function planIncremental(question: IncrementalQuestion): IncrementalState {
  const { spec, logic, decided } = question;
  const same = question.candidates.filter(({ state }) =>
    state.logic === logic && (decided === undefined || state.decided === decided)
  );
  return spec.mode === "incremental_by_time" ? byTime(spec, same, question) : byKey(same, question);
}

function byTime(
  spec: IncrementalByTime,
  candidates: readonly IncrementalCandidate[],
  { logic, inputs, decided, nowMs, request }: IncrementalQuestion,
): IncrementalState {
  const { interval: unit, lookback } = spec;
  const first = floorTime(parseTime(spec.start)!, unit);
  const last = floorTime(nowMs, unit);
  const all = first < last ? [interval(first, last)] : [];
  const limits = [interval(
    request.startMs === null ? first : floorTime(request.startMs, unit),
    request.endMs === null ? last : ceilTime(request.endMs, unit),
  )];
  const asked = intersectIntervals(all, limits);
  const isLimited = request.startMs !== null || request.endMs !== null;
  if (request.restate && !isLimited) return fromScratch(asked);
  const found = pick(candidates);
  if (found === null) return fromScratch(asked);
  const { base, state, stale } = found;
  const pending = subtractIntervals(asked, state.done);
  const again = request.restate ? asked : behind(pending);
  // Whatever the limits, and also before a start that was moved: the output has rows of what is no more.
  const outdated = intersectIntervals(wholeUnits(stale, unit), state.done);
  const build = mergeIntervals([
    ...intersectIntervals(mergeIntervals([...pending, ...again]), all),
    ...outdated,
  ]);
  if (build.length === 0) return state;
  const done = mergeIntervals([...state.done, ...build]);
  return { logic, base, build, done, inputs, ...decisionOf(state.decided) };

  function fromScratch(build: readonly Interval[]): IncrementalState {
    return { logic, base: null, build, done: build, inputs, ...decisionOf(decided) };
  }

  /** Late rows: units before those that are new, as far as they are done. */
  function behind(pending: readonly Interval[]): Interval[] {
    if (lookback === 0) return [];
    const back = pending.map(({ start }) => {
      const at = parseTime(start)!;
      return interval(addUnits(at, unit, -lookback), at);
    });
    return intersectIntervals(back, state.done);
  }
}

/** The candidate that comes first, or a later one that has all of its intervals and others too. */
function pick(candidates: readonly IncrementalCandidate[]): IncrementalCandidate | null {
  let best: IncrementalCandidate | null = null;
  for (const candidate of candidates) {
    const has = (a: IncrementalCandidate, b: IncrementalCandidate) =>
      coversIntervals(a.state.done, b.state.done);
    if (best === null || (has(candidate, best) && !has(best, candidate))) best = candidate;
  }
  return best;
}

function byKey(
  candidates: readonly IncrementalCandidate[],
  { logic, inputs, decided, request }: IncrementalQuestion,
): IncrementalState {
  const isCurrent = ({ state }: IncrementalCandidate) => state.inputs === inputs;
  const found = request.restate ? undefined : candidates.find(isCurrent) ?? candidates[0];
  if (found !== undefined && isCurrent(found)) return found.state;
  const base = found?.base ?? null;
  const made = found?.state.decided ?? decided;
  return { logic, base, build: [], done: [], inputs, ...decisionOf(made) };
}

/** Goes along with everything that is built on top. */
function decisionOf(decided: string | undefined): Pick<IncrementalState, "decided"> {
  return decided === undefined ? {} : { decided };
}

/**
 * Intervals of a node built by time whose rows are others than before: those that it built since, where it went on from
 * that output, and otherwise all that either has.
 */
export function changedIntervals(
  before: Pick<ManifestNode, "fingerprint" | "incremental"> | undefined,
  { fingerprint, incremental }: Pick<ManifestNode, "fingerprint" | "incremental">,
): readonly Interval[] {
  if (incremental === undefined || before?.fingerprint === fingerprint) return [];
  return before !== undefined && incremental.base?.fingerprint === before.fingerprint
    ? incremental.build
    : mergeIntervals([...incremental.done, ...before?.incremental?.done ?? []]);
}

function wholeUnits(
  intervals: readonly Interval[],
  unit: IncrementalByTime["interval"],
): Interval[] {
  return mergeIntervals(
    intervals.map(({ start, end }) =>
      interval(floorTime(parseTime(start)!, unit), ceilTime(parseTime(end)!, unit))
    ),
  );
}

function ceilTime(ms: number, unit: IncrementalByTime["interval"]): number {
  const floor = floorTime(ms, unit);
  return floor === ms ? ms : addUnits(floor, unit, 1);
}

/** Intervals of a node that are not built yet, up to now. */
export function pendingIntervals(
  spec: IncrementalByTime,
  done: readonly Interval[],
  nowMs: number,
): Interval[] {
  const first = floorTime(parseTime(spec.start)!, spec.interval);
  const last = floorTime(nowMs, spec.interval);
  return first < last ? subtractIntervals([interval(first, last)], done) : [];
}

/**
 * A node as its query makes it, whatever the data of sources: for {@linkcode logicInput}. Of a source
 * outside it still counts which system it reads; what a seed holds is part of the project, as a query is.
 */
export interface LogicNode {
  readonly id: FingerprintInput["id"];
  readonly queryHash: string;
  readonly shape: QueryShape;
  /** True for a source: its shape stands for its data, of which only names and types count. */
  readonly isSource: boolean;
  readonly version: SourceVersion | null;
  readonly inputs: readonly FingerprintInput[];
}

/** A node as its readers would depend on it if no data ever changed. */
export function logicInput(node: LogicNode): FingerprintInput {
  const { id, queryHash, inputs, isSource, version } = node;
  const shape = isSource ? dataless(node) : node.shape;
  const prints = fingerprintsOf({
    id,
    engine: "",
    queryHash: isSource ? sha256(compactJson([queryHash, version?.system ?? null])) : queryHash,
    version: isSource ? null : version,
    shape,
    inputs,
  });
  return { id, shape, ...prints };
}

function dataless({ queryHash, shape, version }: LogicNode): QueryShape {
  const of = [queryHash, version?.system ?? null];
  const hash = (part: unknown) => sha256(compactJson([...of, part])).slice(0, 24);
  return {
    columns: shape.columns.map(({ name, type }) => ({
      name,
      type,
      expression: hash([name, type]),
    })),
    rows: hash(null),
    order: null,
    lineage: { columns: {}, rows: {}, order: {} },
    volatile: [],
  };
}
