import type { SchemaEvolution } from "../model/profile.ts";
import { type DuckType, parseDuckType } from "./duck_type.ts";
import { decimalOf, icebergTypeFor, type NextId, structFor } from "./types.ts";
import type { IcebergType, SchemaField, TableSchema } from "./table_metadata.ts";

/** How a table's columns follow those of an output. */
export interface Evolution {
  /** Fields of the new schema; equal to the old ones when nothing changes. */
  readonly fields: readonly SchemaField[];
  /** What changes, a line each: `adds column x (long)`. Empty: nothing does. */
  readonly changes: readonly string[];
  /** Why the policy, or the format, does not let the table follow. */
  readonly problems: readonly string[];
  readonly lastColumnId: number;
}

/** What may change and how rows get in. */
export interface EvolutionRules {
  /**
   * `strict`: nothing. `safe`: columns may be added and types widened, nothing is lost. `auto`: also a
   * column may go and a type be replaced, where all rows are replaced.
   */
  readonly policy: SchemaEvolution;
  /** All rows of the table are replaced. */
  readonly replacesAll: boolean;
}

/** Plans how a schema follows columns of DuckDB types (specification, "Schema Evolution"). */
export function evolveSchema(
  schema: TableSchema,
  columns: readonly { readonly name: string; readonly type: string }[],
  lastColumnId: number,
  rules: EvolutionRules,
): Evolution {
  const evolver = new Evolver(rules, lastColumnId);
  const output: DuckType = {
    kind: "struct",
    fields: columns.map(({ name, type }) => ({ name, type: parseDuckType(type) })),
  };
  const fields = evolver.struct(schema.fields, output, "");
  return {
    fields,
    changes: evolver.changes,
    problems: evolver.problems,
    lastColumnId: evolver.lastId,
  };
}

class Evolver {
  readonly changes: string[] = [];
  readonly problems: string[] = [];
  readonly #rules: EvolutionRules;
  lastId: number;

  constructor(rules: EvolutionRules, lastId: number) {
    this.#rules = rules;
    this.lastId = lastId;
  }

  readonly #next: NextId = () => ++this.lastId;

  struct(
    fields: readonly SchemaField[],
    output: DuckType & { kind: "struct" },
    prefix: string,
  ): SchemaField[] {
    const left = new Map(output.fields.map((field) => [field.name.toLowerCase(), field]));
    const kept = fields.flatMap((field): SchemaField[] => {
      const found = left.get(field.name.toLowerCase());
      left.delete(field.name.toLowerCase());
      const path = `${prefix}${field.name}`;
      if (found === undefined) return this.#missing(field, path);
      const type = this.#type(field.type, found.type, path);
      return [type === null ? this.#replaced(field, found.type, path) : { ...field, type }];
    });
    for (const { name, type } of left.values()) kept.push(this.#added(name, type, prefix));
    return kept;
  }

  #added(name: string, type: DuckType, prefix: string): SchemaField {
    const id = this.#next();
    const path = `${prefix}${name}`;
    const field = {
      id,
      name,
      required: false,
      type: icebergTypeFor(type, this.#next, path),
    };
    this.#change(`adds column ${path} (${typeText(field.type)})`);
    return field;
  }

  /** A column that the output has no more: it goes with `auto` where no row keeps it, or stays and is empty. */
  #missing(field: SchemaField, path: string): SchemaField[] {
    if (this.#rules.policy === "auto" && this.#rules.replacesAll) {
      this.#change(`drops column ${path}`);
      return [];
    }
    if (field.required) {
      this.problems.push(`the output has no column ${path}, which the table requires`);
    } else if (this.#rules.policy !== "auto") {
      this.problems.push(`the output has no column ${path}`);
    }
    return [field];
  }

  /** The type with what changes inside it; null where values of the one cannot become the other. */
  #type(type: IcebergType, output: DuckType, path: string): IcebergType | null {
    if (typeof type !== "string") return this.#nested(type, output, path);
    const wanted = output.kind === "scalar" ? icebergTypeFor(output, this.#next, path) : null;
    if (typeof wanted !== "string") return null;
    if (holds(type, wanted)) return type;
    if (!promotes(type, wanted)) return null;
    this.#change(`widens column ${path} from ${type} to ${wanted}`);
    return wanted;
  }

  #nested(type: Exclude<IcebergType, string>, output: DuckType, path: string): IcebergType | null {
    if (type.type === "struct" && output.kind === "struct") {
      return { ...type, fields: this.struct(type.fields, output, `${path}.`) };
    }
    if (type.type === "list" && output.kind === "list") {
      const element = this.#type(type.element, output.element, `${path}.element`);
      return element === null ? null : { ...type, element };
    }
    if (type.type === "map" && output.kind === "map") {
      const key = this.#type(type.key, output.key, `${path}.key`);
      const value = this.#type(type.value, output.value, `${path}.value`);
      return key === null || value === null ? null : { ...type, key, value };
    }
    return null;
  }

  /** Another type altogether is another column: values in older files cannot become it. */
  #replaced(field: SchemaField, output: DuckType, path: string): SchemaField {
    const id = this.#next();
    const type = icebergTypeFor(output, this.#next, path);
    if (this.#rules.policy === "auto" && this.#rules.replacesAll) {
      this.changes.push(`replaces column ${path} (${typeText(field.type)}, now ${typeText(type)})`);
      return { id, name: field.name, required: false, type };
    }
    this.problems.push(
      `column ${path} is ${typeText(field.type)} in the table and ${typeText(type)} in the output`,
    );
    return field;
  }

  #change(text: string): void {
    this.changes.push(text);
    if (this.#rules.policy === "strict") this.problems.push(`the output ${text}`);
  }
}

/** True when every value of a type has its place in another one as it is. */
function holds(type: string, value: string): boolean {
  if (type === value) return true;
  if (promotes(value, type)) return true;
  const decimal = decimalOf(type);
  if (decimal === null) return false;
  const whole = decimal.precision - decimal.scale;
  if (value === "int") return whole >= 10;
  if (value === "long") return whole >= 19;
  const narrower = decimalOf(value);
  return narrower !== null && narrower.scale <= decimal.scale &&
    narrower.precision - narrower.scale <= whole;
}

/** The promotions of format version 2. */
function promotes(from: string, to: string): boolean {
  if (from === "int" && to === "long") return true;
  if (from === "float" && to === "double") return true;
  const narrow = decimalOf(from);
  const wide = decimalOf(to);
  return narrow !== null && wide !== null && narrow.scale === wide.scale &&
    narrow.precision < wide.precision;
}

/** A type in a few words. */
export function typeText(type: IcebergType): string {
  if (typeof type === "string") return type;
  switch (type.type) {
    case "struct":
      return `struct<${type.fields.map((f) => `${f.name}: ${typeText(f.type)}`).join(", ")}>`;
    case "list":
      return `list<${typeText(type.element)}>`;
    case "map":
      return `map<${typeText(type.key)}, ${typeText(type.value)}>`;
  }
}

/** A first schema for columns. */
export function newSchema(
  columns: readonly { readonly name: string; readonly type: string }[],
): { readonly schema: TableSchema; readonly lastColumnId: number } {
  let last = 0;
  const struct = structFor(columns, () => ++last);
  return { schema: { ...struct, "schema-id": 0 }, lastColumnId: last };
}
