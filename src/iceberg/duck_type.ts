import { UserError } from "../base/user_error.ts";
import { quoteName } from "../engine/quote.ts";

/** A DuckDB type, taken apart. */
export type DuckType =
  | { readonly kind: "scalar"; readonly name: string }
  | { readonly kind: "list"; readonly element: DuckType }
  | { readonly kind: "map"; readonly key: DuckType; readonly value: DuckType }
  | {
    readonly kind: "struct";
    readonly fields: readonly { readonly name: string; readonly type: DuckType }[];
  };

/**
 * Reads a type as DuckDB writes it: `STRUCT(a INTEGER, "b c" VARCHAR[])`, `DECIMAL(10,2)`. An array of
 * fixed length is a list. Throws a `UserError` `unsupported_type` (3) for a text that is not a type.
 */
export function parseDuckType(text: string): DuckType {
  const reader = new TypeReader(text);
  const type = reader.type();
  if (!reader.atEnd()) throw reader.problem();
  return type;
}

/** A type as SQL. */
export function duckTypeSql(type: DuckType): string {
  switch (type.kind) {
    case "scalar":
      return type.name;
    case "list":
      return `${duckTypeSql(type.element)}[]`;
    case "map":
      return `MAP(${duckTypeSql(type.key)}, ${duckTypeSql(type.value)})`;
    case "struct":
      return `STRUCT(${
        type.fields.map((field) => `${quoteName(field.name)} ${duckTypeSql(field.type)}`).join(", ")
      })`;
  }
}

/** True when both are one type. */
export function sameDuckType(a: DuckType, b: DuckType): boolean {
  return duckTypeSql(a) === duckTypeSql(b);
}

const WORD_REGEXP = /[A-Za-z_][A-Za-z0-9_]*/y;
const SUFFIX_REGEXP = /\s*\[\d*\]/y;

class TypeReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    this.#space();
    return this.#at === this.#text.length;
  }

  problem(): UserError {
    return new UserError(`Type ${this.#text} is not one that can be read`, {
      code: "unsupported_type",
      kind: "validation",
      hint: "cast the column to a common type in the query",
    });
  }

  type(): DuckType {
    let type = this.#base();
    while (this.#match(SUFFIX_REGEXP) !== null) type = { kind: "list", element: type };
    return type;
  }

  #base(): DuckType {
    const word = this.#match(WORD_REGEXP)?.toUpperCase() ?? (this.#quoted('"') || null);
    if (word === null) throw this.problem();
    if (word === "STRUCT") return this.#struct();
    if (word === "MAP") {
      this.#expect("(");
      const key = this.type();
      this.#expect(",");
      const value = this.type();
      this.#expect(")");
      return { kind: "map", key, value };
    }
    if (word === "ENUM" || word === "UNION" || word === "GEOMETRY") {
      this.#skipParentheses();
      return { kind: "scalar", name: word };
    }
    return { kind: "scalar", name: this.#scalar(word) };
  }

  #scalar(word: string): string {
    if (word === "TIMESTAMP" || word === "TIME") {
      const zone = this.#match(/\s+(with|without) time zone/iy);
      if (zone !== null && /with /i.test(zone)) return `${word} WITH TIME ZONE`;
      return word;
    }
    if (word === "DOUBLE") this.#match(/\s+precision/iy);
    const parameters = this.#match(/\s*\(\s*\d+\s*(,\s*\d+\s*)?\)/y);
    if (parameters !== null && word === "DECIMAL") {
      return `DECIMAL${parameters.replaceAll(/\s/g, "")}`;
    }
    return ALIASES[word] ?? word;
  }

  #struct(): DuckType {
    const fields: { name: string; type: DuckType }[] = [];
    this.#expect("(");
    do {
      this.#space();
      const name = this.#text[this.#at] === '"' ? this.#quoted('"') : this.#match(WORD_REGEXP);
      if (name === null) throw this.problem();
      fields.push({ name, type: this.type() });
    } while (this.#accept(","));
    this.#expect(")");
    return { kind: "struct", fields };
  }

  #quoted(quote: string): string | null {
    this.#space();
    if (this.#text[this.#at] !== quote) return null;
    let value = "";
    for (let i = this.#at + 1; i < this.#text.length; i++) {
      if (this.#text[i] !== quote) value += this.#text[i];
      else if (this.#text[i + 1] === quote) {
        value += quote;
        i++;
      } else {
        this.#at = i + 1;
        return value;
      }
    }
    throw this.problem();
  }

  #skipParentheses(): void {
    if (!this.#accept("(")) return;
    while (!this.#accept(")")) {
      if (this.#quoted("'") !== null || this.#quoted('"') !== null) continue;
      if (this.#text[this.#at] === "(") this.#skipParentheses();
      else if (this.#at++ >= this.#text.length) throw this.problem();
    }
  }

  #match(regexp: RegExp): string | null {
    if (!regexp.source.startsWith("\\s")) this.#space();
    regexp.lastIndex = this.#at;
    const match = regexp.exec(this.#text);
    if (match === null) return null;
    this.#at = regexp.lastIndex;
    return match[0];
  }

  #space(): void {
    while (this.#text[this.#at] === " ") this.#at++;
  }

  #accept(mark: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    return true;
  }

  #expect(mark: string): void {
    if (!this.#accept(mark)) throw this.problem();
  }
}

const ALIASES: Readonly<Record<string, string>> = {
  INT: "INTEGER",
  INT4: "INTEGER",
  INT8: "BIGINT",
  LONG: "BIGINT",
  TEXT: "VARCHAR",
  STRING: "VARCHAR",
  BOOL: "BOOLEAN",
  REAL: "FLOAT",
  FLOAT4: "FLOAT",
  FLOAT8: "DOUBLE",
  BYTEA: "BLOB",
  VARBINARY: "BLOB",
  NUMERIC: "DECIMAL(18,3)",
  DECIMAL: "DECIMAL(18,3)",
  TIMESTAMPTZ: "TIMESTAMP WITH TIME ZONE",
  TIMETZ: "TIME WITH TIME ZONE",
  DATETIME: "TIMESTAMP",
};
