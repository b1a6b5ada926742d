import { type LintRule, nameOf } from "./lint_rule.ts";
import { isTree, parts } from "./sql_tree.ts";

/** A node without a word about it. */
export const DESCRIPTION: LintRule = {
  id: "description",
  summary: "say what a node is about",
  why: "the next one who needs it builds another",
  level: "warn",
  *check(node) {
    if ((node.node.description ?? "").trim() !== "") return;
    yield {
      message: `${node.node.id} has no description`,
      hint: `write description: ${
        node.node.virtual === true ? "what it is for" : "what one row is"
      }`,
      at: nameOf(node),
    };
  },
};

/** A node that belongs to nobody. */
export const OWNER: LintRule = {
  id: "owner",
  summary: "say who answers for a node",
  why: "nobody knows whom to ask when it fails",
  level: "off",
  *check(node) {
    if (node.node.owner !== null) return;
    yield {
      message: `${node.node.id} has no owner`,
      hint: "write owner: team@example.org",
      at: nameOf(node),
    };
  },
};

/** Names in one style. */
export const NAMING: LintRule = {
  id: "naming",
  summary: "name nodes in snake_case",
  why: "other names have to be quoted in every query",
  level: "warn",
  *check(node) {
    const { name, id } = node.node;
    if (/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name)) return;
    yield {
      message: `${id} is not named in snake_case`,
      hint: `name it ${snakeCase(name)}`,
      at: nameOf(node),
    };
  },
};

function snakeCase(name: string): string {
  return name.replace(/([\p{Ll}\p{N}])(\p{Lu})/gu, "$1_$2").toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_|_$/g, "");
}

/** An input that the SQL does not read. */
export const UNUSED_INPUT: LintRule = {
  id: "unused-input",
  summary: "name only the inputs that are read",
  why: "the node waits for it and is shown as affected by it, for nothing",
  level: "warn",
  *check(node) {
    const { sql, loaded: { spec, locator } } = node;
    if (sql === null || sql.tree === null) return;
    const read = new Set<string>();
    for (const part of parts(sql.tree)) {
      if (part["type"] === "BASE_TABLE" && isTree(part)) {
        read.add(`${part["schema_name"]}.${part["table_name"]}`.toLowerCase());
      }
    }
    for (const [i, input] of spec.inputs.entries()) {
      if (read.has(input.toLowerCase())) continue;
      yield {
        message: `${spec.id} does not read its input ${input}`,
        hint: "remove it from inputs:",
        at: locator.locate(["inputs", i]),
      };
    }
  },
};

/** A source that nothing reads. */
export const UNUSED_SOURCE: LintRule = {
  id: "unused-source",
  summary: "remove sources that nothing reads",
  why: "they are read and kept in every run",
  level: "warn",
  *check(node) {
    const { kind, id, materializations = [] } = node.node;
    if (!/^(source|seed)$/.test(kind) || node.readers.length + materializations.length > 0) return;
    yield { message: `Nothing reads ${id}`, hint: "remove it, or read it", at: nameOf(node) };
  },
};

/** A node that nothing reads and that is written nowhere. */
export const UNUSED_NODE: LintRule = {
  id: "unused-node",
  summary: "remove nodes that nothing reads and that are written nowhere",
  why: "they are built for nobody",
  level: "off",
  *check(node) {
    const { kind, id, virtual, materializations = [] } = node.node;
    if (virtual === true || /^(source|seed)$/.test(kind)) return;
    if (node.readers.length + materializations.length > 0) return;
    yield {
      message: `Nothing reads ${id}, and it is written nowhere`,
      hint: "remove it, or turn the rule off for nodes that people query",
      at: nameOf(node),
    };
  },
};

/** A declared grain that nothing checks. */
export const GRAIN_AUDITS: LintRule = {
  id: "grain-audits",
  summary: "check what a node declares as its grain, by unique and not_null audits",
  why: "a declared key that is none doubles rows in every join, and nobody is told",
  level: "warn",
  *check(node) {
    const { grain = [], audits = [], id } = node.node;
    if (grain.length === 0) return;
    const key = new Set(grain.map((name) => name.toLowerCase()));
    const covers = (type: string, every: boolean) => {
      const checked = audits.filter((audit) => audit.type === type)
        .map(({ columns }) => columns.map((name) => name.toLowerCase()));
      return every
        ? [...key].every((name) => checked.some((columns) => columns.includes(name)))
        : checked.some((columns) => columns.every((name) => key.has(name)));
    };
    const missing = [
      ...(covers("unique", false) ? [] : ["unique"]),
      ...(covers("not_null", true) ? [] : ["not_null"]),
    ];
    if (missing.length === 0) return;
    const columns = grain.length === 1 ? `column: ${grain[0]}` : `columns: [${grain.join(", ")}]`;
    yield {
      message: `The grain of ${id} (${grain.join(", ")}) has no ${missing.join(" and no ")} audit`,
      hint: `write audits: ${missing.map((type) => `- {type: ${type}, ${columns}}`).join("  ")}`,
      at: node.loaded.locator.locate(["grain"]),
    };
  },
};

/** A node that nothing is checked of. */
export const AUDITS: LintRule = {
  id: "audits",
  summary: "check something of every node that others read",
  why: "wrong rows are noticed by those who use them",
  level: "off",
  *check(node) {
    const { id, audits = [], virtual, kind } = node.node;
    if (virtual === true || audits.length > 0 || node.readers.length === 0 || kind === "rule") {
      return;
    }
    yield {
      message: `${id} has no audits`,
      hint: "write audits: - {type: not_null, column: id}",
      at: nameOf(node),
    };
  },
};

/** Functions that give something else in every run. */
export const VOLATILE_FUNCTION: LintRule = {
  id: "volatile-function",
  summary: "take the time and chance out of SQL",
  why: "the output differs from run to run, so that it cannot be compared or reused",
  level: "warn",
  *check(node) {
    const { shape: { volatile = [] }, id } = node.node;
    if (volatile.length === 0) return;
    const names = volatile.map((name) => /^(current|local)/.test(name) ? name : `${name}()`).join(
      ", ",
    );
    yield {
      message: `${id} calls ${names}, which differs from run to run`,
      hint: "give the value as a param: params: {today: …} and {{ today }}",
      at: callOf(node, volatile) ?? nameOf(node),
    };
  },
};

function callOf({ sql }: Parameters<LintRule["check"]>[0], names: readonly string[]) {
  const found = sql === null ? -1 : sql.raw.search(new RegExp(`\\b(${names.join("|")})\\b`, "i"));
  return found < 0 ? null : sql!.locateRaw(found);
}

/** Columns that cannot be followed. */
export const UNTRACED: LintRule = {
  id: "untraced-columns",
  summary: "write SQL whose columns can be followed",
  why: "any change upstream rebuilds the node and everything below it",
  level: "off",
  *check(node) {
    const { shape: { untraced, lineage }, id, virtual } = node.node;
    if (lineage !== null || virtual === true || node.sql === null) return;
    yield {
      message: `The columns of ${id} cannot be followed${
        untraced === undefined ? "" : `: ${untraced}`
      }`,
      at: nameOf(node),
    };
  },
};

/** Columns without a word about them. */
export const COLUMN_DESCRIPTION: LintRule = {
  id: "column-description",
  summary: "say what the columns of a node are",
  why: "readers guess units and meaning",
  level: "off",
  *check(node) {
    const { shape: { columns }, declared_columns, id, virtual } = node.node;
    if (virtual === true) return;
    const described = new Set(
      declared_columns.filter((c) => c.description !== null).map((c) => c.name.toLowerCase()),
    );
    const missing = columns.filter(({ name }) => !described.has(name.toLowerCase()));
    if (missing.length === 0) return;
    const names = missing.slice(0, 5).map(({ name }) => name).join(", ");
    yield {
      message:
        `${missing.length} of ${columns.length} columns of ${id} have no description: ${names}` +
        (missing.length > 5 ? ", …" : ""),
      hint: "write columns: {name: {description: …}}",
      at: nameOf(node),
    };
  },
};
