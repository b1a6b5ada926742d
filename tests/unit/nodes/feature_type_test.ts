import assert from "node:assert/strict";
import { dtypeProblem } from "../../../src/nodes/feature_type.ts";

Deno.test("dtypeProblem() takes words of feature stores for several types, and SQL types for themselves", () => {
  for (
    const [dtype, type] of [
      ["float", "DOUBLE"],
      ["float", "DECIMAL(38,0)"],
      ["int", "BIGINT"],
      ["integer", "DECIMAL(38,0)"],
      ["string", "VARCHAR"],
      ["bool", "BOOLEAN"],
      ["timestamp", "DATE"],
      ["decimal(10, 2)", "DECIMAL(10,2)"],
      ["double", "DOUBLE"],
      ["VARCHAR[]", "VARCHAR[]"],
    ] as const
  ) assert.equal(dtypeProblem(dtype, type), null, `${dtype} ${type}`);
  for (
    const [dtype, type, hint] of [
      ["float", "VARCHAR", /declare string or VARCHAR/],
      ["int", "DOUBLE", /declare float or DOUBLE/],
      ["double", "BIGINT", /declare int or BIGINT/],
      ["decimal(10,2)", "DECIMAL(10,3)", /DECIMAL\(10,3\)/],
      ["constructor", "VARCHAR[]", /declare VARCHAR\[\]/],
    ] as const
  ) assert.match(dtypeProblem(dtype, type) ?? "", hint, `${dtype} ${type}`);
});
