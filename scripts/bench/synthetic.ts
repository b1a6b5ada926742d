import { join } from "node:path";

/**
 * Writes a synthetic project: 30 % roots (`SELECT … FROM range(50)`), 30 % staging
 * (one parent), 25 % joins of two staging nodes with CTEs and aggregation, 15 %
 * marts (UNION ALL of three joins). One file per node, fifty to a folder.
 */
export function writeSyntheticProject(root: string, nodes: number): void {
  const counts = {
    root: Math.round(nodes * 0.3),
    stg: Math.round(nodes * 0.3),
    join: Math.round(nodes * 0.25),
  };
  const marts = nodes - counts.root - counts.stg - counts.join;
  Deno.mkdirSync(root, { recursive: true });
  Deno.writeTextFileSync(join(root, "seeknal_project.yml"), `name: synthetic_${nodes}\n`);
  for (let i = 0; i < counts.root; i++) {
    write(root, `root_${i}`, i, [], rootSql(i));
  }
  for (let i = 0; i < counts.stg; i++) {
    const parent = `transform.root_${i % counts.root}`;
    write(root, `stg_${i}`, i, [parent], stagingSql(parent, i));
  }
  for (let i = 0; i < counts.join; i++) {
    const inputs = [0, 1].map((k) => `transform.stg_${(2 * i + k) % counts.stg}`);
    write(root, `join_${i}`, i, inputs, joinSql(inputs));
  }
  for (let i = 0; i < marts; i++) {
    const inputs = [0, 1, 2].map((k) => `transform.join_${(3 * i + k) % counts.join}`);
    write(root, `mart_${i}`, i, inputs, martSql(inputs));
  }
}

/** Path of a node's file, for edits. */
export function nodeFile(root: string, name: string, i: number): string {
  return join(root, "seeknal", "transforms", `part_${Math.floor(i / 50)}`, `${name}.yml`);
}

function write(root: string, name: string, i: number, inputs: string[], sql: string): void {
  const path = nodeFile(root, name, i);
  const refs = inputs.map((id) => `  - ref: ${id}\n`).join("");
  Deno.mkdirSync(join(path, ".."), { recursive: true });
  Deno.writeTextFileSync(
    path,
    `kind: transform\nname: ${name}\ndescription: Synthetic node ${name}\ntags: [bench]\n` +
      (refs === "" ? "" : `inputs:\n${refs}`) +
      `transform: |\n${sql.split("\n").map((line) => `  ${line}`).join("\n")}\n`,
  );
}

/** SQL of root `i`; `extra` is appended to its select list. */
export function rootSql(i: number, extra = ""): string {
  return `SELECT range AS id, range % 7 AS grp, (range * ${i + 1}) % 101 AS amount,
  'name_' || range AS name${extra}
FROM range(50)`;
}

function stagingSql(parent: string, i: number): string {
  return `SELECT id, grp, amount + ${i % 5} AS amount, upper(name) AS name
FROM ref('${parent}')
WHERE amount > ${i % 10}`;
}

function joinSql([a, b]: string[]): string {
  return `WITH totals AS (
  SELECT grp, sum(amount) AS total, count(*) AS n
  FROM ref('${b}')
  GROUP BY grp
)
SELECT a.id, a.grp, a.amount, t.total, t.n
FROM ref('${a}') AS a
JOIN totals AS t USING (grp)`;
}

function martSql(inputs: string[]): string {
  return inputs.map((id) => `SELECT id, grp, amount, total FROM ref('${id}')`)
    .join("\nUNION ALL\n");
}
