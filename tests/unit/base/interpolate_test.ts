import assert from "node:assert/strict";
import { interpolate, requiredVariables } from "../../../src/base/interpolate.ts";

const ENV: Readonly<Record<string, string>> = { USER: "ann", EMPTY: "" };
const read = (text: string) => interpolate(text, (name) => ENV[name], "connection w");

Deno.test("interpolate() puts in variables, and defaults where they are not set", () => {
  assert.equal(read("${USER}@${HOST:db:5432/x}"), "ann@db:5432/x");
  assert.equal(read("${USER:bob}"), "ann");
  assert.equal(read("a${HOST:}b"), "ab");
  assert.equal(read("${EMPTY}"), "");
  assert.equal(read("$USER costs 5$"), "$USER costs 5$");
});

Deno.test("interpolate() names a variable that is not set and where it was needed", () => {
  assert.throws(() => read("x ${PASSWORD}"), {
    code: "unset_variable",
    kind: "usage",
    message: 'Environment variable "PASSWORD" is not set (connection w)',
  });
});

Deno.test("interpolate() puts in nothing that a value says", () => {
  assert.equal(interpolate("${A}", () => "${B}", "w"), "${B}");
});

Deno.test("requiredVariables() names those without a default", () => {
  assert.deepEqual(requiredVariables("${A}${B:x}${C}"), ["A", "C"]);
});
