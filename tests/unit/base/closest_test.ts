import assert from "node:assert/strict";
import { closest, didYouMean } from "../../../src/base/closest.ts";

Deno.test("closest() finds a transposed and a missing letter", () => {
  assert.equal(closest("trasnform", ["source", "transform"]), "transform");
  assert.equal(closest("sourc", ["source", "transform"]), "source");
  assert.equal(closest("dve", ["prod", "dev"]), "dev");
});

Deno.test("closest() ignores case but returns the candidate as written", () => {
  assert.equal(closest("ORDERS", ["users", "Orders"]), "Orders");
});

Deno.test("closest() prefers the nearer of two candidates, wherever it stands", () => {
  assert.equal(closest("order_ids", ["order_idle", "order_id"]), "order_id");
  assert.equal(closest("order_ids", ["order_id", "order_idle"]), "order_id");
});

Deno.test("closest() returns null when more than a third of the word differs", () => {
  assert.equal(closest("abc", ["xyc"]), null);
  assert.equal(closest("abc", ["abd"]), "abd");
  assert.equal(closest("abcdefghijkl", ["abcdefghWXYZ"]), null);
  assert.equal(closest("abcdefghijkl", ["abcdefghiXYZ"]), "abcdefghiXYZ");
  assert.equal(closest("orders", []), null);
});

Deno.test("didYouMean() asks a question, or says nothing", () => {
  assert.equal(didYouMean("colum", ["column"]), 'did you mean "column"?');
  assert.equal(didYouMean("zebra", ["column"]), undefined);
});
