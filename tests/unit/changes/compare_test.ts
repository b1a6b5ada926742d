import assert from "node:assert/strict";
import { compare } from "../../../src/changes/compare.ts";
import { fingerprintsOf } from "../../../src/dag/fingerprint.ts";
import type { Fingerprint, NodeId } from "../../../src/model/ids.ts";
import type { Manifest, ManifestNode } from "../../../src/model/manifest.ts";
import { makeManifest, makeNode } from "../../support/nodes.ts";

type Definition = [query: string, inputs: string, parts?: Partial<ManifestNode>];

/** A manifest with real fingerprints, nodes given with inputs before readers; what their queries read is not known. */
function manifest(nodes: Readonly<Record<string, Definition>>): Manifest {
  const built = new Map<NodeId, ManifestNode>();
  for (const [name, [query, list, parts = {}]] of Object.entries(nodes)) {
    const inputs = list.split(" ").filter(Boolean).map((input) => `transform.${input}` as NodeId);
    const node = makeNode({ name, query_hash: query, sql: query, inputs, ...parts });
    const fingerprints = fingerprintsOf({
      ...node,
      engine: "duckdb",
      queryHash: query,
      inputs: inputs.map((id) => built.get(id)!),
    });
    built.set(node.id, { ...node, ...fingerprints, ...parts });
  }
  return makeManifest([...built.values()]);
}

/** `name: kind category because` of every node that changed. */
function summary(before: Manifest, after: Manifest): string[] {
  return compare(before, after).filter(({ kind }) => kind !== "none").map((change) =>
    [change.id.replace("transform.", ""), change.kind, change.category ?? "-", ...change.because]
      .join(" ")
  );
}

const DIAMOND: Record<string, Definition> = {
  top: ["1", ""],
  left: ["1", "top"],
  right: ["1", "top"],
  end: ["1", "left right"],
};

Deno.test("compare() has one entry for every node of either manifest, in id order", () => {
  const changes = compare(
    manifest({ b: ["1", ""], a: ["1", ""] }),
    manifest({ c: ["1", ""], b: ["1", ""] }),
  );
  assert.deepEqual(changes.map(({ id, kind }) => `${id} ${kind}`), [
    "transform.a removed",
    "transform.b none",
    "transform.c new",
  ]);
});

Deno.test("compare() finds nothing between equal manifests", () => {
  assert.deepEqual(summary(manifest(DIAMOND), manifest(DIAMOND)), []);
});

Deno.test("compare() calls readers of a changed node indirect and names the cause, not the way", () => {
  assert.deepEqual(summary(manifest(DIAMOND), manifest({ ...DIAMOND, top: ["2", ""] })), [
    "end indirect - transform.top",
    "left indirect - transform.top",
    "right indirect - transform.top",
    "top direct BREAKING",
  ]);
});

Deno.test("compare() leaves the other side of a diamond alone", () => {
  assert.deepEqual(summary(manifest(DIAMOND), manifest({ ...DIAMOND, left: ["2", "top"] })), [
    "end indirect - transform.left",
    "left direct BREAKING",
  ]);
});

Deno.test("compare() names both causes when two nodes upstream changed", () => {
  const after = manifest({ ...DIAMOND, left: ["2", "top"], right: ["2", "top"] });
  assert.ok(
    summary(manifest(DIAMOND), after).includes("end indirect - transform.left transform.right"),
  );
});

Deno.test("compare() tells of the own edit and of the cause upstream when there are both", () => {
  const after = manifest({ ...DIAMOND, top: ["2", ""], end: ["2", "left right"] });
  const end = compare(manifest(DIAMOND), after).find(({ id }) => id === "transform.end")!;
  assert.equal(end.kind, "direct");
  assert.deepEqual(end.because, ["transform.top"]);
  assert.ok(end.reasons.includes("reads transform.left, which changed"));
});

Deno.test("compare() leaves readers of a METADATA change alone", () => {
  const after = manifest({ ...DIAMOND, top: ["1", "", { description: "new" }] });
  assert.deepEqual(summary(manifest(DIAMOND), after), ["top direct METADATA"]);
});

Deno.test("compare() calls a reader that gains an input direct and a new input its cause", () => {
  const after = manifest({ fresh: ["1", ""], ...DIAMOND, right: ["2", "top fresh"] });
  assert.deepEqual(summary(manifest(DIAMOND), after), [
    "end indirect - transform.fresh transform.right",
    "fresh new -",
    "right direct BREAKING transform.fresh",
  ]);
});

Deno.test("compare() gives every change a reason", () => {
  const after = manifest({ ...DIAMOND, top: ["2", ""], extra: ["1", ""] });
  const changes = compare(manifest({ ...DIAMOND, old: ["1", ""] }), after);
  assert.ok(changes.every(({ kind, reasons }) => (kind === "none") === (reasons.length === 0)));
});

Deno.test("compare() has a reason for a fingerprint that moved by itself", () => {
  const before = manifest({ a: ["1", ""] });
  const after = manifest({ a: ["1", "", { fingerprint: "other" as Fingerprint }] });
  const [change] = compare(before, after);
  assert.equal(change!.kind, "indirect");
  assert.match(change!.reasons[0]!, /engine/);
});
