import assert from "node:assert/strict";
import { canonicalJson, compactJson } from "../../../src/base/canonical_json.ts";

Deno.test("canonicalJson() writes equal values as equal text, whatever the order of keys", () => {
  const one = canonicalJson({ b: 1, a: { d: [1, { y: 1, x: 2 }], c: null } });
  const two = canonicalJson({ a: { c: null, d: [1, { x: 2, y: 1 }] }, b: 1 });
  assert.equal(one, two);
});

Deno.test("canonicalJson() sorts keys by code unit and ends with a newline", () => {
  assert.equal(canonicalJson({ é: 1, b: 2, B: 3 }), '{\n  "B": 3,\n  "b": 2,\n  "é": 1\n}\n');
});

Deno.test("canonicalJson() keeps the order of lists and null, and leaves undefined out", () => {
  assert.equal(
    compactJson({ list: [2, 1], none: null, gone: undefined }),
    '{"list":[2,1],"none":null}',
  );
  assert.equal(compactJson({ list: [2, 1] }), compactJson({ list: [2, 1], gone: undefined }));
});

Deno.test("compactJson() tells a text from the number it looks like", () => {
  assert.notEqual(compactJson({ a: "1" }), compactJson({ a: 1 }));
});

Deno.test("compactJson() keeps a key named __proto__", () => {
  assert.equal(compactJson(JSON.parse('{"__proto__":1,"a":2}')), '{"__proto__":1,"a":2}');
});

Deno.test("canonicalJson() writes a key __proto__ like any other", () => {
  const value = JSON.parse('{"__proto__":{"a":1},"b":2}');
  assert.equal(compactJson(value), '{"__proto__":{"a":1},"b":2}');
});
