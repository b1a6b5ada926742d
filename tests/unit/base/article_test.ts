import assert from "node:assert/strict";
import { withArticle } from "../../../src/base/article.ts";

Deno.test("withArticle() puts an before a vowel", () => {
  assert.deepEqual(["source", "exposure", "aggregation", "model"].map(withArticle), [
    "a source",
    "an exposure",
    "an aggregation",
    "a model",
  ]);
});
