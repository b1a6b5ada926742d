import { didYouMean } from "../base/closest.ts";
import { type FieldReader, isMapping } from "../base/field_reader.ts";
import {
  type Aggregation,
  AGGREGATIONS,
  type Dimension,
  DIMENSION_TYPES,
  type Entity,
  ENTITY_TYPES,
  type Grain,
  GRAINS,
  type Join,
  type Measure,
  RELATIONSHIPS,
} from "../semantic/definition.ts";
import { expressionProblem } from "../semantic/sql_text.ts";
import { tokenize } from "../sql/tokens.ts";

const NAME_REGEXP = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
/** Endings that say to which period a time is cut. */
const GRAIN_END_REGEXP = new RegExp(`__(${GRAINS.join("|")})$`, "i");

/** Items of a list with a name each; those without are reported and left out. */
function readNamed<T>(
  reader: FieldReader,
  field: string,
  what: string,
  read: (inner: FieldReader, name: string) => T | null,
): T[] {
  return reader.list(field).flatMap((value, i) => {
    if (!isMapping(value)) {
      reader.problem(
        [field, i],
        "wrong_type",
        `A ${what} is a mapping with a name`,
        "write - name: …",
      );
      return [];
    }
    const inner = reader.child(value, [field, i]);
    const name = inner.requiredText("name", what);
    const item = name === null || !isUsable(inner, name) ? null : read(inner, name);
    if (item !== null) inner.rejectUnknown(`a ${what}`);
    return item === null ? [] : [item];
  });
}

function isUsable(reader: FieldReader, name: string): boolean {
  if (GRAIN_END_REGEXP.test(name)) {
    const hint = "endings such as __month say how a time is cut";
    reader.problem(["name"], "invalid_name", `"${name}" ends like a period`, hint);
    return false;
  }
  if (NAME_REGEXP.test(name)) return true;
  const hint = "start with a letter, then letters, digits or _";
  reader.problem(["name"], "invalid_name", `Invalid name "${name}"`, hint);
  return false;
}

/** One of some words; null after reporting anything else. */
export function readWord<T extends string>(
  reader: FieldReader,
  field: string,
  words: readonly T[],
  options: { readonly fallback: T | null; readonly also?: Readonly<Record<string, T>> },
): T | null {
  const written = options.fallback === null && !reader.has(field)
    ? reader.requiredText(field, words.join(" | "))
    : reader.optionalText(field);
  if (written === null) return reader.has(field) ? null : options.fallback;
  const word = written.trim().toLowerCase();
  const known = words.find((one) => one === word) ?? options.also?.[word];
  if (known !== undefined) return known;
  reader.problem(
    [field],
    "wrong_value",
    `Unknown ${field} "${written}"`,
    didYouMean(word, words) ?? `write one of: ${words.join(", ")}`,
  );
  return null;
}

/** SQL that becomes part of a larger query, on one line; null where it is absent or reported. */
export function readExpression(reader: FieldReader, field: string): string | null {
  const text = reader.optionalText(field);
  return text === null ? null : checkedExpression(reader, [field], text);
}

function checkedExpression(
  reader: FieldReader,
  path: readonly (string | number)[],
  text: string,
): string | null {
  const why = expressionProblem(text);
  if (why === null) {
    return tokenize(text.trim()).map(({ kind, text }) => kind === "space" ? " " : text).join("");
  }
  reader.problem(path, "invalid_expression", `"${text}" is no expression: ${why}`);
  return null;
}

/** `entities:` */
export function readEntities(reader: FieldReader): Entity[] {
  return readNamed(reader, "entities", "entity", (inner, name) => {
    inner.optionalText("description");
    const type = readWord(inner, "type", ENTITY_TYPES, { fallback: null });
    const expr = inner.has("expr") ? readExpression(inner, "expr") : name;
    return type === null || expr === null ? null : { name, type, expr };
  });
}

/** `dimensions:` */
export function readDimensions(reader: FieldReader): Dimension[] {
  return readNamed(reader, "dimensions", "dimension", (inner, name) => {
    const type = readWord(inner, "type", DIMENSION_TYPES, { fallback: "categorical" });
    const expr = inner.has("expr") ? readExpression(inner, "expr") : name;
    const isExact = inner.has("time_granularity");
    const grain: Grain | null = isExact
      ? readWord(inner, "time_granularity", GRAINS, { fallback: null })
      : null;
    if (isExact && type !== null && type !== "time") {
      const hint = "write type: time";
      inner.problem(
        ["time_granularity"],
        "wrong_value",
        `A ${type} dimension has no periods`,
        hint,
      );
    }
    const description = inner.optionalText("description");
    if (type === null || expr === null || (isExact && grain === null)) return null;
    return { name, type, expr, time_granularity: grain, description };
  });
}

const AGG_NAMES: Readonly<Record<string, Aggregation>> = { average: "avg" };

/** `measures:` */
export function readMeasures(reader: FieldReader): Measure[] {
  return readNamed(reader, "measures", "measure", (inner, name) => {
    const agg = readWord(inner, "agg", AGGREGATIONS, { fallback: null, also: AGG_NAMES });
    const isRow = !inner.has("expr") || inner.optionalText("expr")?.trim() === "*";
    const written = isRow ? null : readExpression(inner, "expr");
    inner.ignore("expr");
    if (!isRow && written === null) return null;
    const filters = readFilters(inner);
    const description = inner.optionalText("description");
    if (agg === null || filters === null) return null;
    const expr = isRow && agg !== "count" ? name : written;
    return { name, agg, expr, filters, description };
  });
}

/** `filters: [{ sql: … }]`, or the conditions alone. */
function readFilters(reader: FieldReader): string[] | null {
  const filters = reader.list("filters").map((value, i) => {
    const text = isMapping(value) ? value["sql"] : value;
    if (typeof text === "string") return checkedExpression(reader, ["filters", i], text);
    const hint = "write - sql: status = 'paid'";
    reader.problem(["filters", i], "wrong_type", "A filter is a condition in SQL", hint);
    return null;
  });
  return filters.every((filter) => filter !== null) ? filters : null;
}

/** `joins:` */
export function readJoins(reader: FieldReader): Join[] {
  return readNamed(reader, "joins", "join", (inner, name) => {
    const relationship = readWord(inner, "relationship", RELATIONSHIPS, { fallback: null });
    const example = `"{CUBE}.id = {${name}}.id"`;
    const written = inner.requiredText("sql", example);
    const sql = written === null ? null : readExpression(inner, "sql");
    if (relationship === null || sql === null) return null;
    if (new RegExp(`\\{\\s*${name}\\s*\\}`).test(sql)) return { name, relationship, sql };
    inner.problem(
      ["sql"],
      "invalid_join",
      `The condition does not name the joined model {${name}}`,
      `write sql: ${example}`,
    );
    return null;
  });
}
