import { layersOf, reachable, readersOf } from "../dag/graph.ts";
import type { NodeId } from "../model/ids.ts";
import type { NodeOutput, NodeResult, RunEvent } from "../model/run.ts";

/** A node to build. */
export interface Step {
  readonly id: NodeId;
  /** Steps that must succeed first; inputs that exist already are not in here. */
  readonly inputs: readonly NodeId[];
}

/** How a run behaves. */
export interface RunStepsOptions {
  readonly maxWorkers: number;
  /** After a failure go on with every node that does not depend on it. */
  readonly continueOnError: boolean;
  /** How often a node is tried again after a transient failure. */
  readonly retries: number;
  readonly signal: AbortSignal;
  readonly report: (event: RunEvent) => void;
  /** An output that has been made since the plan; null to build. */
  readonly findCached: (id: NodeId) => NodeOutput | null;
  readonly build: (id: NodeId) => Promise<NodeResult>;
  /** Looks at an output, made or found, before anybody else may: why it cannot be accepted, or null. */
  readonly check?: (id: NodeId, output: NodeOutput) => Promise<string | null>;
  /** Called for each success before any reader of it starts. */
  readonly onOutput: (id: NodeId, output: NodeOutput, cached: boolean) => void;
  /** Milliseconds before try number `attempt`. */
  readonly backoff: (attempt: number) => number;
}

/** How one step ended. */
export type StepOutcome =
  | { readonly status: "success" | "cached"; readonly output: NodeOutput }
  | { readonly status: "failed"; readonly error: string }
  | { readonly status: "skipped"; readonly error: string };

/**
 * Runs steps so that each starts as soon as its inputs are there. After a failure
 * the rest of its layer still runs, its descendants never do, and later layers
 * only with `continueOnError`. When the signal aborts, nothing new starts.
 */
export async function runSteps(
  steps: readonly Step[],
  options: RunStepsOptions,
): Promise<Map<NodeId, StepOutcome>> {
  return await new StepRun(steps, options).run();
}

class StepRun {
  readonly #options: RunStepsOptions;
  readonly #order: readonly Step[];
  readonly #layerOf = new Map<NodeId, number>();
  readonly #readers: Map<NodeId, NodeId[]>;
  readonly #waiting = new Map<NodeId, number>();
  readonly #outcomes = new Map<NodeId, StepOutcome>();
  /** Steps whose inputs are there, by layer. */
  readonly #ready: Step[][];
  readonly #stepOf: Map<NodeId, Step>;
  /** The lowest layer with a failure: without `continueOnError` nothing behind it starts. */
  #lastLayer = Infinity;
  #firstFailure: NodeId | null = null;

  constructor(steps: readonly Step[], options: RunStepsOptions) {
    this.#options = options;
    const layers = layersOf(steps);
    layers.forEach((layer, n) => layer.forEach(({ id }) => this.#layerOf.set(id, n)));
    this.#order = layers.flat();
    this.#readers = readersOf(steps);
    this.#stepOf = new Map(steps.map((step) => [step.id, step]));
    this.#ready = layers.map(() => []);
    for (const step of this.#order) {
      const count = new Set(step.inputs).size;
      this.#waiting.set(step.id, count);
      if (count === 0) this.#ready[this.#layerOf.get(step.id)!]!.push(step);
    }
    for (const queue of this.#ready) queue.reverse();
  }

  async run(): Promise<Map<NodeId, StepOutcome>> {
    const running = new Set<Promise<void>>();
    for (;;) {
      while (running.size < this.#options.maxWorkers) {
        const step = this.#next();
        if (step === null) break;
        const done: Promise<void> = this.#runStep(step).finally(() => running.delete(done));
        running.add(done);
      }
      if (running.size === 0) break;
      await Promise.race(running);
    }
    this.#skipRest();
    return this.#outcomes;
  }

  #next(): Step | null {
    if (this.#options.signal.aborted) return null;
    for (let layer = 0; layer < this.#ready.length && layer <= this.#lastLayer; layer++) {
      const step = this.#ready[layer]!.pop();
      if (step !== undefined) return step;
    }
    return null;
  }

  async #runStep(step: Step): Promise<void> {
    const layer = this.#layerOf.get(step.id)! + 1;
    const started = performance.now();
    const outcome = await this.#attempt(step.id, layer);
    this.#outcomes.set(step.id, outcome);
    this.#reportFinished(step.id, outcome, performance.now() - started);
    if (outcome.status === "failed") this.#fail(step.id);
    else if (outcome.status !== "skipped") this.#release(step.id);
  }

  /** What goes wrong around a node (a full disk, say) fails that node and not the run. */
  async #attempt(id: NodeId, layer: number): Promise<StepOutcome> {
    const { findCached, onOutput, check } = this.#options;
    try {
      const cached = findCached(id);
      const outcome: StepOutcome = cached === null
        ? await this.#build(id, layer)
        : { status: "cached", output: cached };
      if (!("output" in outcome)) return outcome;
      const refusal = await check?.(id, outcome.output) ?? null;
      if (refusal !== null) return { status: "failed", error: refusal };
      onOutput(id, outcome.output, outcome.status === "cached");
      return outcome;
    } catch (error) {
      return { status: "failed", error: error instanceof Error ? error.message : String(error) };
    }
  }

  async #build(id: NodeId, layer: number): Promise<StepOutcome> {
    const { retries, report, backoff, signal } = this.#options;
    for (let attempt = 1;; attempt++) {
      report({ event: "node_started", node: id, layer, attempt });
      const result = await this.#options.build(id);
      if (result.status === "success") return result;
      const { message, transient } = result.error;
      if (!transient || attempt > retries || signal.aborted) {
        return { status: "failed", error: message };
      }
      const waitMs = backoff(attempt);
      report({ event: "node_retry", node: id, attempt, wait_ms: waitMs, error: message });
      await pause(waitMs, signal);
      if (signal.aborted) return { status: "failed", error: message };
    }
  }

  #release(id: NodeId): void {
    for (const reader of this.#readers.get(id) ?? []) {
      const left = this.#waiting.get(reader)! - 1;
      this.#waiting.set(reader, left);
      if (left === 0) this.#ready[this.#layerOf.get(reader)!]!.unshift(this.#stepOf.get(reader)!);
    }
  }

  #fail(id: NodeId): void {
    this.#firstFailure ??= id;
    if (!this.#options.continueOnError) {
      this.#lastLayer = Math.min(this.#lastLayer, this.#layerOf.get(id)!);
    }
    const behind = reachable([id], (node) => this.#readers.get(node) ?? []);
    for (const step of this.#order) {
      if (step.id === id || !behind.has(step.id) || this.#outcomes.has(step.id)) continue;
      this.#skip(step.id, `upstream ${id} failed`);
    }
  }

  #skipRest(): void {
    if (this.#firstFailure === null) return;
    for (const { id } of this.#order) {
      if (!this.#outcomes.has(id)) {
        this.#skip(id, `not started because ${this.#firstFailure} failed`);
      }
    }
  }

  #skip(id: NodeId, error: string): void {
    const outcome: StepOutcome = { status: "skipped", error };
    this.#outcomes.set(id, outcome);
    this.#reportFinished(id, outcome, 0);
  }

  #reportFinished(node: NodeId, outcome: StepOutcome, elapsedMs: number): void {
    const output = "output" in outcome ? outcome.output : null;
    this.#options.report({
      event: "node_finished",
      node,
      layer: this.#layerOf.get(node)! + 1,
      status: outcome.status,
      rows: output?.rows ?? null,
      bytes: output?.sizeBytes ?? null,
      duration_ms: Math.round(elapsedMs * 10) / 10,
      error: "error" in outcome ? outcome.error : null,
      ...(output?.metrics === undefined ? {} : { metrics: output.metrics }),
    });
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
