import assert from "node:assert/strict";
import { UserError } from "../../../src/base/user_error.ts";
import type { NodeId } from "../../../src/model/ids.ts";
import {
  isPartial,
  SELECT_ALL,
  type Selection,
  selectNodes,
} from "../../../src/plan/select_nodes.ts";
import { makeManifest, makeNode } from "../../support/nodes.ts";

/** source.raw -> transform.a -> transform.b -> transform.c; source.raw -> transform.side. */
const MANIFEST = makeManifest([
  makeNode({ kind: "source", name: "raw", file: "seeknal/sources/raw.yml", tags: ["daily"] }),
  makeNode({ name: "a", file: "seeknal/sales/a.yml", inputs: ["source.raw" as NodeId] }),
  makeNode({
    name: "b",
    file: "seeknal/sales/b.yml",
    inputs: ["transform.a" as NodeId],
    tags: ["daily", "pii"],
  }),
  makeNode({ name: "c", file: "seeknal/sales_two/c.yml", inputs: ["transform.b" as NodeId] }),
  makeNode({
    name: "side",
    file: "seeknal/side.yml",
    inputs: ["source.raw" as NodeId],
    tags: ["x"],
  }),
]);

function select(selection: Partial<Selection>, modified: string[] = []) {
  const { ids, warnings } = selectNodes(
    MANIFEST,
    { ...SELECT_ALL, ...selection },
    new Set(modified as NodeId[]),
  );
  return { ids: [...ids].map((id) => id.split(".")[1]!).sort().join(" "), warnings };
}

const SELECTORS: readonly [selector: string, ids: string][] = [
  ["a", "a"],
  ["transform.a", "a"],
  ["+b", "a b raw"],
  ["b+", "b c"],
  ["+b+", "a b c raw"],
  ["1+b", "a b"],
  ["b+1", "b c"],
  ["a+1", "a b"],
  ["2+c", "a b c"],
  ["1+b+1", "a b c"],
  ["0+b", "b"],
  ["transform.*", "a b c side"],
  ["*", "a b c raw side"],
  ["?", "a b c"],
  ["s*e", "side"],
  ["kind:source", "raw"],
  ["type:transform", "a b c side"],
  ["tag:daily", "b raw"],
  ["tag:daily+", "a b c raw side"],
  ["path:seeknal/sales", "a b"],
  ["path:seeknal/sales/", "a b"],
  ["path:seeknal/sales/a.yml", "a"],
  ["path:seeknal/sales*", "a b c"],
  ["name:b", "b"],
  ["a c", "a c"],
  ["  a   c ", "a c"],
  ["tag:daily,kind:transform", "b"],
  ["+c,tag:daily", "b raw"],
  ["tag:x,tag:daily", ""],
  ["a,c side", "side"],
  ["state:modified", "a"],
  ["state:modified+", "a b c"],
  ["tag:nobody", ""],
];

for (const [selector, ids] of SELECTORS) {
  Deno.test(`selectNodes() reads --select "${selector}"`, () => {
    assert.equal(select({ select: [selector] }, ["transform.a"]).ids, ids);
  });
}

Deno.test("selectNodes() chooses everything when nothing is asked for", () => {
  assert.equal(select({}).ids, "a b c raw side");
  assert.equal(isPartial(SELECT_ALL), false);
  assert.equal(isPartial({ ...SELECT_ALL, types: ["source"] }), true);
});

Deno.test("selectNodes() takes --nodes with everything downstream and --tags with everything upstream", () => {
  assert.equal(select({ nodes: ["b"] }).ids, "b c");
  assert.equal(select({ nodes: ["transform.b", "side"] }).ids, "b c side");
  assert.equal(select({ tags: ["pii"] }).ids, "a b raw");
  assert.equal(select({ nodes: ["c"], tags: ["x"], select: ["a"] }).ids, "a c raw side");
});

Deno.test("selectNodes() keeps only the asked kinds of what was selected", () => {
  assert.equal(select({ select: ["+b"], types: ["source"] }).ids, "raw");
  assert.equal(select({ types: ["source", "transform"] }).ids, "a b c raw side");
});

Deno.test("selectNodes() leaves out excluded tags last and warns when a reader remains", () => {
  const { ids, warnings } = select({ excludeTags: ["pii"] });
  assert.equal(ids, "a c raw side");
  assert.deepEqual(warnings, [
    "Upstream node 'transform.b' excluded by --exclude-tags but required by 'transform.c'",
  ]);
  assert.deepEqual(select({ excludeTags: ["x"] }).warnings, []);
});

Deno.test("selectNodes() warns of a tag that nobody has and selects nothing", () => {
  const { ids, warnings } = select({ tags: ["nobody"] });
  assert.equal(ids, "");
  assert.match(warnings[0]!, /nobody/);
});

const REFUSED: readonly [selection: Partial<Selection>, code: string, hint: RegExp][] = [
  [{ select: ["transfrom.a"] }, "unknown_node", /transform\.a/],
  [{ select: ["+nope"] }, "unknown_node", /seeknal list/],
  [{ select: ["a,nope"] }, "unknown_node", /./],
  [{ select: ["nope*"] }, "unknown_node", /./],
  [{ nodes: ["sidee"] }, "unknown_node", /side/],
  [{ select: ["state:changed"] }, "invalid_selector", /state:modified/],
  [{ types: ["trnsform"] }, "unknown_type", /transform/],
];

for (const [selection, code, hint] of REFUSED) {
  Deno.test(`selectNodes() refuses ${JSON.stringify(selection)} with ${code}`, () => {
    assert.throws(() => select(selection), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.code, code);
      assert.equal(error.kind, "usage");
      assert.match(error.hint ?? "", hint);
      return true;
    });
  });
}

Deno.test("selectNodes() takes no sign of a name for a pattern", () => {
  assert.throws(() => select({ select: ["transform(a"] }), /Unknown node/);
  assert.throws(() => select({ select: ["[a*"] }), /Unknown node/);
});
