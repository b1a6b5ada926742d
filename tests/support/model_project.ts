import { transform } from "./shop.ts";

/** A random number in [0, 1). */
export type Random = () => number;

/** A column of a model node: its name and the SQL that computes it from columns of its input. */
interface ModelColumn {
  name: string;
  expression: string;
}

/** How a model node makes rows of its inputs. */
type Form =
  | "project"
  | "star"
  | "join"
  | "left join"
  | "group"
  | "distinct"
  | "union"
  | "window"
  | "exists"
  | "scalar"
  | "lookup"
  | "top"
  | "qualify";

const FORMS: readonly Form[] = [
  "project",
  "project",
  "star",
  "star",
  "join",
  "left join",
  "group",
  "group",
  "distinct",
  "union",
  "window",
  "exists",
  "scalar",
  "lookup",
  "top",
  "qualify",
];

/** A transform of the model, from which its SQL follows. */
interface ModelNode {
  readonly form: Form;
  readonly inputs: readonly string[];
  columns: ModelColumn[];
  /** Condition on the first input, or empty. */
  where: string;
  /** Which of several spellings of the same query. */
  spelling: number;
  /** ORDER BY at the end. */
  ordered: boolean;
}

/** Rows of a source file: `id` and integer columns, some of them missing. */
interface ModelSource {
  columns: string[];
  rows: (number | null)[][];
}

/**
 * A project as a small state that random edits change: every node returns integer columns,
 * `id` among them, so that any node can read any other.
 */
export class ModelProject {
  readonly sources = new Map<string, ModelSource>();
  readonly nodes = new Map<string, ModelNode>();
  #made = 0;

  /** Some sources and nodes to begin with. */
  static random(next: Random, nodes: number): ModelProject {
    const model = new ModelProject();
    for (const name of ["s1", "s2"]) model.sources.set(name, randomSource(next));
    for (let i = 0; i < nodes; i++) model.#addNode(next);
    return model;
  }

  /** An independent copy. */
  copy(): ModelProject {
    const model = new ModelProject();
    for (const [name, source] of this.sources) model.sources.set(name, structuredClone(source));
    for (const [name, node] of this.nodes) model.nodes.set(name, structuredClone(node));
    model.#made = this.#made;
    return model;
  }

  /** All files of the project. */
  files(): Record<string, string> {
    const files: Record<string, string> = { "seeknal_project.yml": "name: model\n" };
    for (const [name, { columns, rows }] of this.sources) {
      const lines = rows.map((row) => row.map((value) => value ?? "").join(","));
      files[`data/${name}.csv`] = [columns.join(","), ...lines].join("\n") + "\n";
      // Types are declared: a column that happens to be empty would be text.
      const types = columns.map((column) => `  ${column}: INTEGER\n`).join("");
      files[`seeknal/${name}.yml`] =
        `kind: source\nname: ${name}\nsource: csv\ntable: data/${name}.csv\ncolumns:\n${types}`;
    }
    for (const [name, node] of this.nodes) {
      files[`seeknal/${name}.yml`] = transform(name, node.inputs, this.#sql(node));
    }
    return files;
  }

  /** Statements that build every node from scratch, inputs before readers, without Seeknal. */
  scratchSql(): string[] {
    const statements = ["CREATE SCHEMA source", "CREATE SCHEMA transform"];
    for (const [name, { columns, rows }] of this.sources) {
      const types = columns.map((column) => `${column} INTEGER`).join(", ");
      statements.push(`CREATE TABLE source.${name} (${types})`);
      const values = rows.map((row) => `(${row.map((value) => value ?? "NULL").join(", ")})`);
      if (rows.length > 0) {
        statements.push(`INSERT INTO source.${name} VALUES ${values.join(", ")}`);
      }
    }
    for (const [name, node] of this.nodes) {
      const sql = this.#sql(node).replace(/ref\('([^']+)'\)/g, "$1");
      statements.push(`CREATE TABLE transform.${name} AS ${sql}`);
    }
    return statements;
  }

  /** Changes something; what it was, in a word. */
  edit(next: Random): string {
    const names = [...this.nodes.keys()];
    const roll = next();
    if (roll < 0.1 || names.length < 4) return `add ${this.#addNode(next)}`;
    if (roll < 0.14) return this.#removeNode(next) ?? this.edit(next);
    if (roll < 0.24) return editSource(pick(next, [...this.sources.values()]), next);
    const name = pick(next, names);
    return `${name}: ${this.#editNode(this.nodes.get(name)!, next)}`;
  }

  columnsOf(id: string): string[] {
    const name = id.slice(id.indexOf(".") + 1);
    const source = this.sources.get(name);
    if (id.startsWith("source.") && source !== undefined) return source.columns;
    const node = this.nodes.get(name)!;
    const own = node.columns.map((column) => column.name);
    return node.form === "star" ? [...new Set([...this.columnsOf(node.inputs[0]!), ...own])] : own;
  }

  #addNode(next: Random): string {
    const candidates = [
      ...[...this.sources.keys()].map((name) => `source.${name}`),
      ...[...this.nodes.keys()].map((name) => `transform.${name}`),
    ];
    const form = pick(next, FORMS);
    const inputs = [...new Set([pick(next, candidates), pick(next, candidates)])];
    const node: ModelNode = {
      form,
      inputs,
      columns: [],
      where: next() < 0.4 ? condition(next, this.columnsOf(inputs[0]!)) : "",
      spelling: 0,
      ordered: false,
    };
    const count = form === "star" ? 0 : 1 + Math.floor(next() * 3);
    if (form !== "star") node.columns.push({ name: "id", expression: "a.id" });
    for (let i = 0; i < count; i++) node.columns.push(this.#newColumn(node, next));
    const name = `n${this.#made++}`;
    this.nodes.set(name, node);
    return name;
  }

  #removeNode(next: Random): string | null {
    const read = new Set([...this.nodes.values()].flatMap(({ inputs }) => inputs));
    const unread = [...this.nodes.keys()].filter((name) => !read.has(`transform.${name}`));
    if (unread.length === 0) return null;
    const name = pick(next, unread);
    this.nodes.delete(name);
    return `remove ${name}`;
  }

  #newColumn(node: ModelNode, next: Random): ModelColumn {
    return { name: `c${this.#made++}`, expression: this.#expression(node, next) };
  }

  #expression({ inputs, form }: ModelNode, next: Random): string {
    const columns = this.columnsOf(inputs[0]!);
    const [x, y] = [pick(next, columns), pick(next, columns)];
    const n = 1 + Math.floor(next() * 9);
    const plain = pick(next, [
      `a.${x}`,
      `(a.${x} * ${n}) % 97`,
      `coalesce(a.${x}, ${n}) - coalesce(a.${y}, 0)`,
      `CASE WHEN a.${x} > ${n} THEN a.${y} ELSE ${n} END`,
    ]);
    if (form === "join" || form === "left join") {
      const other = pick(next, this.columnsOf(inputs.at(-1)!));
      return next() < 0.5 ? plain : `b.${other} + ${n}`;
    }
    if (form === "group") {
      return pick(next, [
        `(sum(a.${x}) % 1000)::INTEGER`,
        `count(a.${x})::INTEGER`,
        `min(a.${x})`,
        `max(a.${x} + ${n})`,
      ]);
    }
    if (form === "window") {
      return pick(next, [
        `(sum(a.${x}) OVER (PARTITION BY a.${y}) % 1000)::INTEGER`,
        `(rank() OVER (ORDER BY a.${x}))::INTEGER`,
        plain,
      ]);
    }
    if (form === "scalar") {
      const other = inputs.at(-1)!;
      const z = pick(next, this.columnsOf(other));
      return pick(next, [
        plain,
        `(SELECT max(o.${z}) FROM ref('${other}') AS o)`,
        `(SELECT min(o.${z}) FROM ref('${other}') AS o WHERE o.id = a.id)`,
      ]);
    }
    if (form === "lookup") return next() < 0.5 ? plain : `coalesce(m.most, 0) + ${n}`;
    return plain;
  }

  #editNode(node: ModelNode, next: Random): string {
    const extra = node.columns.filter(({ name }) => name !== "id");
    const roll = next();
    if (roll < 0.2) {
      node.columns.push(this.#newColumn(node, next));
      return "add column";
    }
    if (roll < 0.45 && extra.length > 0) {
      pick(next, extra).expression = this.#expression(node, next);
      return "change column";
    }
    if (roll < 0.52 && extra.length > 0) {
      node.columns = node.columns.filter((column) => column !== pick(next, extra));
      return "remove column";
    }
    if (roll < 0.6) {
      node.columns.reverse();
      return "reorder";
    }
    if (roll < 0.7) {
      node.where = next() < 0.3 ? "" : condition(next, this.columnsOf(node.inputs[0]!));
      return "condition";
    }
    if (roll < 0.9) {
      node.spelling++;
      return "spelling";
    }
    node.ordered = !node.ordered;
    return "order";
  }

  #sql(node: ModelNode): string {
    const query = this.#query(node);
    const spelled = [
      query,
      `WITH w AS (\n${query}\n)\nSELECT * FROM w`,
      `SELECT q.* FROM (\n${query}\n) AS q`,
      `-- spelled otherwise\n${query}`,
    ][node.spelling % 4]!;
    return node.ordered ? `${spelled}\nORDER BY ALL` : spelled;
  }

  #query(node: ModelNode): string {
    const { form, inputs, columns, where, spelling } = node;
    const [first, last] = [`ref('${inputs[0]}')`, `ref('${inputs.at(-1)}')`];
    const list = columns.map(({ name, expression }) => `${expression} AS ${name}`).join(",\n  ");
    const filter = where === "" ? "" : `\nWHERE ${spelling % 2 === 0 ? where : `(${where})`}`;
    const and = (more: string) => where === "" ? `\nWHERE ${more}` : `${filter} AND ${more}`;
    const select = `SELECT\n  ${list}\nFROM ${first} AS a`;
    switch (form) {
      case "project":
      case "window":
      case "scalar":
        return select + filter;
      case "star":
        return `SELECT *${columns.length === 0 ? "" : `,\n  ${list}`}\nFROM ${first} AS a${filter}`;
      case "join":
        return `${select}\nJOIN ${last} AS b ON a.id = b.id${filter}`;
      case "left join":
        return `${select}\nLEFT JOIN ${last} AS b ON a.id = b.id${filter}`;
      case "lookup":
        return `${select}\nLEFT JOIN (SELECT id, max(id) AS most FROM ${last} GROUP BY id) AS m ON m.id = a.id${filter}`;
      case "group":
        return `${select}${filter}\nGROUP BY a.id`;
      case "distinct":
        return select.replace("SELECT", "SELECT DISTINCT") + filter;
      case "union":
        return `${select}${filter}\nUNION ALL\n${select}`;
      case "exists":
        return select + and(`EXISTS (SELECT 1 FROM ${last} AS o WHERE o.id = a.id)`);
      case "top":
        return `${select}${filter}\nORDER BY ALL LIMIT 7`;
      case "qualify":
        return `${select}${filter}\nQUALIFY rank() OVER (PARTITION BY a.id ORDER BY ${
          this.columnsOf(inputs[0]!).map((name) => `a.${name}`).join(", ")
        }) = 1`;
    }
  }
}

function randomSource(next: Random): ModelSource {
  const columns = ["id", "x", "y", "z"];
  return { columns, rows: Array.from({ length: 25 }, () => randomRow(columns, next)) };
}

function randomRow(columns: readonly string[], next: Random): (number | null)[] {
  return columns.map(() => next() < 0.1 ? null : Math.floor(next() * 12));
}

function editSource(source: ModelSource, next: Random): string {
  const roll = next();
  if (roll < 0.3) {
    source.rows.push(randomRow(source.columns, next));
    return "append a row";
  }
  if (roll < 0.75) {
    const at = Math.floor(next() * source.columns.length);
    for (const row of source.rows) if (next() < 0.3) row[at] = Math.floor(next() * 12);
    return `change values of ${source.columns[at]}`;
  }
  if (source.columns.length < 7) {
    source.columns.push(`e${source.columns.length}`);
    for (const row of source.rows) row.push(Math.floor(next() * 12));
    return "add a column to a file";
  }
  source.rows.shift();
  return "remove a row";
}

function condition(next: Random, columns: readonly string[]): string {
  const [x, y] = [pick(next, columns), pick(next, columns)];
  const n = Math.floor(next() * 8);
  return pick(next, [
    `a.${x} > ${n}`,
    `a.${x} IS NOT NULL`,
    `a.${x} <> a.${y}`,
    `a.${x} IN (1, 2, ${n})`,
  ]);
}

/** One of several. */
export function pick<T>(next: Random, items: readonly T[]): T {
  return items[Math.floor(next() * items.length)]!;
}
