import assert from "node:assert/strict";
import { join } from "node:path";
import { openSession } from "../../../src/engine/registry.ts";
import type { NodeId } from "../../../src/model/ids.ts";
import { formatSql } from "../../../src/sql/format_sql.ts";
import { readTrees } from "../../../src/sql/syntax_tree.ts";
import { tokenize } from "../../../src/sql/tokens.ts";
import { randomNumbers } from "../../support/random.ts";

const FIXTURES = join(import.meta.dirname!, "..", "..", "..", "fixtures");

/** Every query there is in fixtures: TPC-H, TPC-DS, and those of the change cases. */
function fixtureQueries(): { name: string; sql: string }[] {
  const found: { name: string; sql: string }[] = [];
  for (const suite of ["tpch", "tpcds"]) {
    for (const { name } of Deno.readDirSync(join(FIXTURES, "tpc", suite))) {
      if (!name.endsWith(".sql")) continue;
      const sql = Deno.readTextFileSync(join(FIXTURES, "tpc", suite, name));
      found.push({ name: `${suite}/${name}`, sql });
    }
  }
  for (const { name } of Deno.readDirSync(join(FIXTURES, "changes"))) {
    if (!name.endsWith(".md")) continue;
    const text = Deno.readTextFileSync(join(FIXTURES, "changes", name));
    [...text.matchAll(/```sql[^\n]*\n([\s\S]*?)```/g)].forEach((match, i) => {
      found.push({ name: `${name} ${i}`, sql: match[1]! });
    });
  }
  return found;
}

const QUERIES = fixtureQueries();

const BLANKS = [" ", "  ", "\n", "\n\n    ", "\t"];

/** White space as another author might have them. */
function scrambled(sql: string, random: () => number): string {
  return tokenize(sql).map(({ kind, text }, i, all) => {
    if (kind !== "space") return text;
    const afterComment = all[i - 1]?.kind === "comment";
    const blanks = BLANKS[Math.floor(random() * BLANKS.length)]!;
    return afterComment && all[i - 1]!.text.startsWith("--") ? `\n${blanks}` : blanks;
  }).join("");
}

Deno.test("formatSql() keeps what every query of the fixtures means, and its own layout", async () => {
  assert.ok(QUERIES.length > 200, `${QUERIES.length} queries`);
  const random = randomNumbers(7);
  const requests: { id: NodeId; sql: string }[] = [];
  const laidOut: string[] = [];
  for (const { name, sql } of QUERIES) {
    for (const text of [sql, scrambled(sql, random)]) {
      const formatted = formatSql(text);
      if (formatted === null) {
        assert.match(sql, /;\s*\S/, `${name} is not laid out:\n${text}`);
        continue;
      }
      laidOut.push(name);
      assert.equal(formatSql(formatted), formatted, name);
      for (const one of [text, formatted]) {
        requests.push({ id: `q${requests.length}` as NodeId, sql: one });
      }
    }
  }
  assert.ok(laidOut.length > QUERIES.length * 1.9, `${laidOut.length} of ${2 * QUERIES.length}`);
  await using session = await openSession({ threads: 1, allowedDirs: [] });
  const trees = await readTrees(session, requests);
  const hash = (i: number) => trees.get(requests[i]!.id)!;
  for (let i = 0; i < requests.length; i += 2) {
    // A PIVOT has no tree: its words are compared, and those of SQL are written in capitals.
    if (hash(i).relations === null) continue;
    assert.equal(hash(i).queryHash, hash(i + 1).queryHash, requests[i]!.sql);
  }
});

const CASES: readonly { readonly name: string; readonly sql: string; readonly out: string }[] = [
  {
    name: "short queries",
    sql: "select a ,b  from t where x=1 and y between 2 and 3 order by a limit 3",
    out: "SELECT a, b\nFROM t\nWHERE x=1 AND y BETWEEN 2 AND 3\nORDER BY a\nLIMIT 3",
  },
  {
    name: "lists that were written one a line",
    sql: "SELECT\n  a, b FROM t",
    out: "SELECT\n  a,\n  b\nFROM t",
  },
  {
    name: "comments where they stand",
    sql: "-- head\nSELECT a, -- one\n -- own\n b -- two\nFROM t -- three\n-- last",
    out: "-- head\nSELECT\n  a, -- one\n  -- own\n  b -- two\nFROM t -- three\n-- last",
  },
  {
    name: "templates, ref() and literals",
    sql: "select '{{ a }}  b', {{ n }} from ref('source.x') where d = '{{ day }}'",
    out: "SELECT '{{ a }}  b', {{ n }}\nFROM ref('source.x')\nWHERE d = '{{ day }}'",
  },
  {
    name: "words of SQL that are names here",
    sql: 'select first, last, t.over, "order", left(x, 1) from t',
    out: 'SELECT first, last, t.over, "order", left(x, 1)\nFROM t',
  },
  {
    name: "named queries and joins",
    sql: "with a as (select 1 as x) select * from a left join b on a.x=b.x and a.y=b.y",
    out: "WITH a AS (\n  SELECT 1 AS x\n)\nSELECT *\nFROM a\nLEFT JOIN b ON a.x=b.x AND a.y=b.y",
  },
];

for (const { name, sql, out } of CASES) {
  Deno.test(`formatSql() lays out ${name}`, () => assert.equal(formatSql(sql), out));
}

for (const sql of ["SELECT (1", "SELECT 1)", "SELECT 1; SELECT 2", "SELECT 'a \n b'", "CASE"]) {
  Deno.test(`formatSql() leaves ${JSON.stringify(sql)} alone`, () => {
    const formatted = formatSql(sql);
    assert.ok(formatted === null || formatted === sql, String(formatted));
  });
}
