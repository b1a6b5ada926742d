import assert from "node:assert/strict";
import { type FingerprintParts, fingerprintsOf } from "../../../src/dag/fingerprint.ts";
import type { Fingerprint, NodeId } from "../../../src/model/ids.ts";
import type { QueryShape } from "../../../src/model/manifest.ts";

const UNTRACED: QueryShape = { columns: [], rows: null, lineage: null };
const A = { id: "source.a" as NodeId, fingerprint: "f-a" as Fingerprint, shape: UNTRACED };
const B = { id: "source.b" as NodeId, fingerprint: "f-b" as Fingerprint, shape: UNTRACED };
const PARTS: FingerprintParts = {
  id: "transform.t" as NodeId,
  engine: "duckdb v1",
  queryHash: "q",
  shape: UNTRACED,
  version: { hash: "v", files: ["a.csv"] },
  inputs: [A, B],
};

const fingerprintOf = (parts: FingerprintParts) => fingerprintsOf(parts).fingerprint;

/** Fingerprints of a graph of nodes, in the given order, inputs before readers. */
function fingerprints(
  nodes: readonly [name: string, query: string, inputs: string][],
): Record<string, Fingerprint> {
  const result: Record<string, Fingerprint> = {};
  for (const [name, queryHash, inputs] of nodes) {
    result[name] = fingerprintOf({
      id: `transform.${name}` as NodeId,
      engine: "duckdb",
      queryHash,
      version: null,
      shape: UNTRACED,
      inputs: inputs.split(" ").filter(Boolean).map((input) => ({
        id: `transform.${input}` as NodeId,
        fingerprint: result[input]!,
        shape: UNTRACED,
      })),
    });
  }
  return result;
}

Deno.test("fingerprintsOf() of a query that is not understood does not depend on the order of inputs or on one named twice", () => {
  const fingerprint = fingerprintOf(PARTS);
  assert.match(fingerprint, /^[0-9a-f]{64}$/);
  assert.equal(fingerprintOf({ ...PARTS, inputs: [B, A] }), fingerprint);
  assert.equal(fingerprintOf({ ...PARTS, inputs: [A, B, A] }), fingerprint);
});

Deno.test("fingerprintsOf() of a query that is not understood does not depend on the names of source files, only on their content hash", () => {
  const moved = { ...PARTS, version: { hash: "v", files: ["b.csv"] } };
  assert.equal(fingerprintOf(moved), fingerprintOf(PARTS));
});

const CHANGES: Readonly<Record<string, Partial<FingerprintParts>>> = {
  "the node": { id: "transform.u" as NodeId },
  "the engine": { engine: "duckdb v2" },
  "the query": { queryHash: "q2" },
  "the data": { version: { hash: "v2", files: ["a.csv"] } },
  "no data": { version: null },
  "an input less": { inputs: [A] },
  "an input's fingerprint": { inputs: [A, { ...B, fingerprint: "f-c" as Fingerprint }] },
  "fingerprints swapped between inputs": {
    inputs: [{ ...A, fingerprint: B.fingerprint }, { ...B, fingerprint: A.fingerprint }],
  },
};

for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test(`fingerprintsOf() of a query that is not understood changes with ${what}`, () => {
    assert.notEqual(fingerprintOf({ ...PARTS, ...change }), fingerprintOf(PARTS));
  });
}

Deno.test("a change upstream moves every fingerprint behind it in a chain, and none before it", () => {
  const before = fingerprints([["a", "1", ""], ["b", "1", "a"], ["c", "1", "b"], ["d", "1", "c"]]);
  const after = fingerprints([["a", "1", ""], ["b", "2", "a"], ["c", "1", "b"], ["d", "1", "c"]]);
  const moved = Object.keys(before).filter((name) => before[name] !== after[name]);
  assert.deepEqual(moved, ["b", "c", "d"]);
});

Deno.test("a change on one side of a diamond moves the other side not, the end yes", () => {
  const diamond = (left: string) =>
    fingerprints([["top", "1", ""], ["left", left, "top"], ["right", "1", "top"], [
      "end",
      "1",
      "left right",
    ]]);
  const [before, after] = [diamond("1"), diamond("2")];
  const moved = Object.keys(before).filter((name) => before[name] !== after[name]);
  assert.deepEqual(moved, ["left", "end"]);
});
