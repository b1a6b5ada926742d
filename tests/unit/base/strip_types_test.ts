import assert from "node:assert/strict";
import { CodeSyntaxError, stripTypes } from "../../../src/base/strip_types.ts";

Deno.test("stripTypes keeps every character that stays in its place", () => {
  const code =
    "interface A {\n  x: number;\n}\nexport const f = (a: A): number => a.x as number;\n";
  const stripped = stripTypes(code);
  assert.equal(stripped.length, code.length);
  assert.equal(stripped.indexOf("=>"), code.indexOf("=>"));
});

Deno.test("stripTypes understands what is more than types", () => {
  assert.match(stripTypes("export enum E { A = 2 }"), /E\[E\["A"\] = 2\]/);
});

Deno.test("stripTypes says what is wrong and where", () => {
  assert.throws(() => stripTypes("\nlet x: number = ;\n"), (error) => {
    assert.ok(error instanceof CodeSyntaxError);
    assert.equal(error.message, "Expression expected");
    assert.deepEqual([error.line, error.column], [2, 17]);
    return true;
  });
});
