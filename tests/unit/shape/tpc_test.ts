import assert from "node:assert/strict";
import { TestBinder, type TestColumns } from "../../support/binding.ts";

const FIXTURES = new URL("../../../fixtures/tpc/", import.meta.url);

/** Queries of which the columns cannot be followed; empty is the goal, and where it stands. */
const CANNOT_TELL: Readonly<Record<string, readonly string[]>> = { tpch: [], tpcds: [] };

for (const [benchmark, count] of [["tpch", 22], ["tpcds", 99]] as const) {
  Deno.test(`Binder.bind() follows the columns of all ${count} queries of ${benchmark}`, async () => {
    const schema = JSON.parse(
      Deno.readTextFileSync(new URL(`${benchmark}/schema.json`, FIXTURES)),
    ) as Record<string, TestColumns>;
    await using binder = await TestBinder.open(
      Object.fromEntries(
        Object.entries(schema).map(([table, columns]) => [`main.${table}`, columns]),
      ),
    );
    const untraced: string[] = [];
    for (let n = 1; n <= count; n++) {
      const name = `q${String(n).padStart(2, "0")}`;
      const sql = Deno.readTextFileSync(new URL(`${benchmark}/${name}.sql`, FIXTURES));
      const { shape } = await binder.bind(sql, `transform.${name}`);
      if (shape.lineage === null) untraced.push(`${name}: ${shape.untraced}`);
      else checkReads(name, shape.lineage, schema);
    }
    assert.deepEqual(untraced, CANNOT_TELL[benchmark]);
  });
}

/** Every column that is said to be read exists, and every query reads something. */
function checkReads(
  name: string,
  { columns, rows }: { columns: Record<string, object>; rows: object },
  schema: Readonly<Record<string, TestColumns>>,
): void {
  const all = [...Object.values(columns), rows].flatMap((reads) =>
    Object.entries(reads as Record<string, readonly string[]>)
  );
  assert.ok(all.length > 0, `${name} reads nothing`);
  for (const [node, read] of all) {
    const known = schema[node.replace("main.", "")];
    assert.ok(known !== undefined, `${name} reads ${node}`);
    for (const column of read) assert.ok(column in known, `${name} reads ${node}.${column}`);
  }
}
