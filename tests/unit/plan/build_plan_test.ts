import assert from "node:assert/strict";
import { NO_TYPED_VARIABLES } from "../../../src/model/variables.ts";
import { type Change, NO_COLUMN_CHANGES } from "../../../src/model/change.ts";
import { type CommitId, type EnvName, type NodeId, PROD } from "../../../src/model/ids.ts";
import type { Plan } from "../../../src/model/plan.ts";
import {
  buildPlan,
  fromStoredPlan,
  hasChanges,
  type PlanParts,
  toStoredPlan,
} from "../../../src/plan/build_plan.ts";
import { makeManifest, makeNode } from "../../support/nodes.ts";

const MANIFEST = makeManifest(["a", "b", "c"].map((name) => makeNode({ name })));

function change(name: string, parts: Partial<Change> = {}): Change {
  return {
    id: `transform.${name}` as NodeId,
    kind: "none",
    category: null,
    undecided: false,
    reasons: [],
    columns: NO_COLUMN_CHANGES,
    because: [],
    ...parts,
  };
}

function plan(changes: readonly Change[], parts: Partial<PlanParts> = {}): Plan {
  return buildPlan({
    environment: "dev" as EnvName,
    base: { ref: PROD, commit: null },
    profile: null,
    manifest: MANIFEST,
    changes,
    files: (id) => `seeknal/${id}.yml`,
    findOutput: () => null,
    whyMissing: () => null,
    materializations: [],
    diagnostics: [],
    ...parts,
  });
}

/** Action and reasons of the one node of a plan. */
function one(changeOfNode: Change, parts: Partial<PlanParts> = {}) {
  const { action, reasons } = plan([changeOfNode], parts).nodes[0]!;
  return [action, ...reasons];
}

Deno.test("buildPlan() builds what has no output and says why when nothing changed", () => {
  assert.deepEqual(one(change("a", { kind: "new", reasons: ["new node"] })), ["build", "new node"]);
  assert.deepEqual(one(change("a")), ["build", "has no output yet"]);
  const metadata = change("a", { kind: "direct", category: "METADATA", reasons: ["tags changed"] });
  assert.deepEqual(one(metadata), ["build", "tags changed", "has no output yet"]);
});

Deno.test("buildPlan() reuses what is there and says from where when the node changed", () => {
  const there = { findOutput: () => "the cache" };
  assert.deepEqual(one(change("a"), there), ["reuse"]);
  const edited = change("a", { kind: "direct", category: "BREAKING", reasons: ["why"] });
  assert.deepEqual(one(edited, there), ["reuse", "why", "output exists already, from the cache"]);
  const metadata = change("a", { kind: "direct", category: "METADATA", reasons: ["why"] });
  assert.deepEqual(one(metadata, there), ["reuse", "why"]);
});

Deno.test("buildPlan() drops what left the project", () => {
  assert.deepEqual(one(change("gone", { kind: "removed", reasons: ["gone"] })), ["drop", "gone"]);
});

Deno.test("buildPlan() gives the special reason for a missing output", () => {
  assert.deepEqual(one(change("a"), { whyMissing: () => "failed in the last run" }), [
    "build",
    "failed in the last run",
  ]);
});

Deno.test("buildPlan() counts actions, categories and kinds of change", () => {
  const { summary } = plan([
    change("a", { kind: "direct", category: "BREAKING" }),
    change("b", { kind: "direct", category: "NON_BREAKING" }),
    change("c", { kind: "indirect" }),
    change("gone", { kind: "removed" }),
  ], { findOutput: ({ name }) => name === "b" ? "prod" : null });
  assert.deepEqual(summary, {
    build: 2,
    reuse: 1,
    drop: 1,
    materialize: 0,
    breaking: 1,
    non_breaking: 1,
    metadata: 0,
    new: 0,
    removed: 1,
  });
});

Deno.test("hasChanges() is false only for a plan in which everything is reused unchanged", () => {
  const there = { findOutput: () => "prod" };
  assert.equal(hasChanges(plan([change("a"), change("b")], there)), false);
  assert.equal(hasChanges(plan([change("a")])), true);
  assert.equal(hasChanges(plan([change("a", { kind: "removed" })], there)), true);
  assert.equal(
    hasChanges(plan([change("a", { kind: "direct", category: "METADATA" })], there)),
    true,
  );
});

Deno.test("fromStoredPlan() gives back the plan that toStoredPlan() made smaller", () => {
  const whole = plan(
    [change("a", { kind: "direct", category: "BREAKING" }), change("b"), change("c")],
    {
      findOutput: ({ name }) => name === "a" ? null : "prod",
      files: (id) => MANIFEST.nodes.get(id)!.file,
    },
  );
  const stored = toStoredPlan(whole, "dev" as EnvName, "tree", {
    profileHash: "",
    variables: NO_TYPED_VARIABLES,
  });
  assert.deepEqual(stored.nodes.map(({ id }) => id), ["transform.a"]);
  const commit = "c".repeat(40) as CommitId;
  // Where an output came from is known while planning only.
  const nodes = whole.nodes.map((node) =>
    node.id === "transform.a" ? node : { ...node, reused_from: null }
  );
  assert.deepEqual(fromStoredPlan(stored, MANIFEST, commit), { ...whole, nodes, plan: commit });
});
