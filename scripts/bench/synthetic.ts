import { join } from "node:path";

/** A node of a synthetic project. */
export interface SyntheticNode {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly sql: string;
}

/**
 * A synthetic project: 30 % roots (`SELECT … FROM range(50)`), 30 % staging (one
 * parent), 25 % joins of two staging nodes with CTEs and aggregation, 15 % marts
 * (UNION ALL of three joins); inputs before readers.
 */
export function syntheticNodes(count: number): SyntheticNode[] {
  const roots = Math.round(count * 0.3);
  const staging = Math.round(count * 0.3);
  const joins = Math.round(count * 0.25);
  const nodes: SyntheticNode[] = [];
  const add = (name: string, inputs: string[], sql: string) => nodes.push({ name, inputs, sql });
  for (let i = 0; i < roots; i++) add(`root_${i}`, [], rootSql(i));
  for (let i = 0; i < staging; i++) {
    const parent = `transform.root_${i % roots}`;
    add(`stg_${i}`, [parent], stagingSql(parent, i));
  }
  for (let i = 0; i < joins; i++) {
    const inputs = [0, 1].map((k) => `transform.stg_${(2 * i + k) % staging}`);
    add(`join_${i}`, inputs, joinSql(inputs));
  }
  for (let i = 0; i < count - roots - staging - joins; i++) {
    const inputs = [0, 1, 2].map((k) => `transform.join_${(3 * i + k) % joins}`);
    add(`mart_${i}`, inputs, martSql(inputs));
  }
  return nodes;
}

/** Writes a synthetic project: one file per node, fifty to a folder. */
export function writeSyntheticProject(root: string, count: number): void {
  Deno.mkdirSync(root, { recursive: true });
  Deno.writeTextFileSync(join(root, "seeknal_project.yml"), `name: synthetic_${count}\n`);
  syntheticNodes(count).forEach((node, i) => {
    const folder = join(root, "seeknal", `part_${Math.floor(i / 50)}`);
    if (i % 50 === 0) Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(join(folder, `${node.name}.yml`), nodeYaml(node));
  });
}

/** Adds a column to the first root, whose readers go three layers down. */
export function editOneColumn(root: string, value: number): void {
  const sql = rootSql(0).replace("FROM range", `  , ${value} AS added\nFROM range`);
  const yaml = nodeYaml({ name: "root_0", inputs: [], sql });
  Deno.writeTextFileSync(join(root, "seeknal", "part_0", "root_0.yml"), yaml);
}

/** Changes the description of the first root: metadata only. */
export function editDescription(root: string, text: string): void {
  const path = join(root, "seeknal", "part_0", "root_0.yml");
  const yaml = Deno.readTextFileSync(path).replace(/^description: .*$/m, `description: ${text}`);
  Deno.writeTextFileSync(path, yaml);
}

function nodeYaml({ name, inputs, sql }: SyntheticNode): string {
  const refs = inputs.map((id) => `  - ref: ${id}\n`).join("");
  return `kind: transform\nname: ${name}\ndescription: Synthetic node ${name}\ntags: [bench]\n` +
    (refs === "" ? "" : `inputs:\n${refs}`) +
    `transform: |\n${sql.split("\n").map((line) => `  ${line}`).join("\n")}\n`;
}

function rootSql(i: number): string {
  return `SELECT range AS id, range % 7 AS grp, (range * ${i + 1}) % 101 AS amount,
  'name_' || range AS name
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
