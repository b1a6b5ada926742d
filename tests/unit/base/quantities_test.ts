import assert from "node:assert/strict";
import { parseBytes, parseDuration } from "../../../src/base/quantities.ts";

Deno.test("parseDuration() reads seconds and units, and nothing else", () => {
  assert.equal(parseDuration("30"), 30_000);
  assert.equal(parseDuration("30s"), 30_000);
  assert.equal(parseDuration("30m"), 1_800_000);
  assert.equal(parseDuration(" 24 H "), 86_400_000);
  assert.equal(parseDuration("7d"), 604_800_000);
  assert.equal(parseDuration("2w"), 1_209_600_000);
  for (const text of ["", "d", "-1d", "1.5h", "1y", "1d 2h", "1e3", "9999999999s"]) {
    assert.equal(parseDuration(text), null, text);
  }
});

Deno.test("parseBytes() reads decimal units", () => {
  assert.equal(parseBytes("500"), 500);
  assert.equal(parseBytes("1.5KB"), 1_500);
  assert.equal(parseBytes("10 GB"), 10e9);
  assert.equal(parseBytes("2t"), 2e12);
  for (const text of ["", "MB", "-1", "1 XB", "1e3"]) assert.equal(parseBytes(text), null, text);
});
