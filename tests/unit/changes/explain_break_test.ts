import assert from "node:assert/strict";
import { type ChangedInput, explainBreak } from "../../../src/changes/explain_break.ts";
import type { NodeId } from "../../../src/model/ids.ts";
import type { QueryShape, Reads } from "../../../src/model/manifest.ts";

const MISMATCH = "Cannot compare values of type VARCHAR and INTEGER_LITERAL";

Deno.test("explainBreak() names each retyped column of the line, with the types to declare", () => {
  const visits = changed("source.visits", { id: "BIGINT", minutes: "BIGINT", note: "VARCHAR" }, {
    id: "VARCHAR",
    minutes: "VARCHAR",
    note: "VARCHAR",
  });
  const words = wordsOf(["select", "id", "minutes", "note"]);
  assert.deepEqual(explainBreak(MISMATCH, words, [visits], () => null), {
    cause: "source.visits changed the type of id from BIGINT to VARCHAR, " +
      "of minutes from BIGINT to VARCHAR",
    hint: "if the data are right, declare the types in the source: " +
      "columns: {id: BIGINT, minutes: BIGINT}",
  });
});

Deno.test("explainBreak() prefers the retyped column near the error to others of the text", () => {
  const visits = changed("transform.visits", { id: "BIGINT", minutes: "BIGINT" }, {
    id: "VARCHAR",
    minutes: "VARCHAR",
  });
  const words = { near: new Set(["minutes"]), all: new Set(["id", "minutes"]) };
  assert.deepEqual(explainBreak(MISMATCH, words, [visits], () => null), {
    cause: "transform.visits changed the type of minutes from BIGINT to VARCHAR",
    hint: "cast it where it is read: CAST(minutes AS BIGINT)",
  });
});

Deno.test("explainBreak() follows a changed type up to the node where it began", () => {
  const source = changed("source.visits", { mins: "BIGINT" }, { mins: "VARCHAR" });
  const clean = changed("transform.clean", { minutes: "BIGINT" }, { minutes: "VARCHAR" }, {
    minutes: { "source.visits": ["mins"] },
  });
  const found = explainBreak(
    MISMATCH,
    wordsOf(["minutes"]),
    [clean],
    (id) => id === source.id ? source : null,
  );
  assert.equal(found?.cause, "source.visits changed the type of mins from BIGINT to VARCHAR");
});

Deno.test("explainBreak() blames no column whose type stayed", () => {
  const same = changed("source.visits", { id: "BIGINT" }, { id: "BIGINT" });
  assert.equal(explainBreak(MISMATCH, wordsOf(["id"]), [same], () => null), null);
});

function wordsOf(names: readonly string[]) {
  return { near: new Set(names), all: new Set(names) };
}

function changed(
  id: string,
  before: Record<string, string>,
  after: Record<string, string>,
  reads: Record<string, Record<string, string[]>> = {},
): ChangedInput {
  const shape = (types: Record<string, string>): QueryShape => ({
    columns: Object.entries(types).map(([name, type]) => ({ name, type, expression: null })),
    rows: null,
    lineage: { columns: reads as Record<string, Reads>, rows: {}, order: {} },
  });
  return { id: id as NodeId, before: shape(before), after: shape(after) };
}
