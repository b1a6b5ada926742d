/** A DuckDB type, taken apart. */
export type DuckType =
  | { readonly kind: "scalar"; readonly name: string; readonly args: readonly number[] }
  | { readonly kind: "list"; readonly element: DuckType }
  | {
    readonly kind: "struct";
    readonly fields: readonly { readonly name: string; readonly type: DuckType }[];
  }
  | { readonly kind: "map"; readonly key: DuckType; readonly value: DuckType };

/**
 * Takes a type apart as DuckDB writes it: `DECIMAL(18,3)`, `STRUCT(a INTEGER, "b c" VARCHAR[])`.
 * Enumerations are the texts they stand for; fixed-size arrays are lists.
 */
export function parseDuckType(text: string): DuckType {
  const trimmed = text.trim();
  const list = /^([\s\S]*)\[\d*\]$/.exec(trimmed);
  if (list !== null) return { kind: "list", element: parseDuckType(list[1]!) };
  const call = /^([A-Za-z_]+)\s*\(([\s\S]*)\)$/.exec(trimmed);
  const name = (call?.[1] ?? trimmed).toUpperCase();
  const inside = call?.[2] ?? "";
  switch (name) {
    case "STRUCT":
      return { kind: "struct", fields: splitMembers(inside).map(parseField) };
    case "MAP": {
      const [key, value] = splitMembers(inside);
      return { kind: "map", key: parseDuckType(key!), value: parseDuckType(value!) };
    }
    case "ENUM":
      return { kind: "scalar", name: "VARCHAR", args: [] };
  }
  const args = call === null ? [] : inside.split(",").map(Number);
  return { kind: "scalar", name: ALIASES[name] ?? name, args };
}

const ALIASES: Readonly<Record<string, string>> = {
  "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
  "TIME WITH TIME ZONE": "TIMETZ",
  REAL: "FLOAT",
  VARINT: "BIGNUM",
  '"NULL"': "NULL",
};

function parseField(member: string): { name: string; type: DuckType } {
  const match = /^("(?:""|[^"])*"|\S+)\s+([\s\S]+)$/.exec(member)!;
  const name = match[1]!;
  return {
    name: name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name,
    type: parseDuckType(match[2]!),
  };
}

/** Splits at commas that stand outside parentheses and quotes. */
function splitMembers(text: string): string[] {
  const members: string[] = [];
  let depth = 0;
  let member = "";
  for (const [token] of text.matchAll(/"(?:""|[^"])*"|'(?:''|[^'])*'|[^"']/gs)) {
    if (token === "(") depth++;
    if (token === ")") depth--;
    if (token === "," && depth === 0) {
      members.push(member.trim());
      member = "";
    } else member += token;
  }
  return [...members, member.trim()];
}

const SCALARS: Readonly<Record<string, string>> = {
  BOOLEAN: "boolean",
  TINYINT: "smallint",
  SMALLINT: "smallint",
  INTEGER: "integer",
  BIGINT: "bigint",
  HUGEINT: "numeric(39,0)",
  UTINYINT: "smallint",
  USMALLINT: "integer",
  UINTEGER: "bigint",
  UBIGINT: "numeric(20,0)",
  UHUGEINT: "numeric(39,0)",
  BIGNUM: "numeric",
  FLOAT: "real",
  DOUBLE: "double precision",
  VARCHAR: "text",
  BLOB: "bytea",
  BIT: "bit varying",
  UUID: "uuid",
  JSON: "json",
  DATE: "date",
  TIME: "time without time zone",
  TIME_NS: "time without time zone",
  TIMETZ: "time with time zone",
  TIMESTAMP: "timestamp without time zone",
  TIMESTAMP_S: "timestamp without time zone",
  TIMESTAMP_MS: "timestamp without time zone",
  TIMESTAMP_NS: "timestamp without time zone",
  TIMESTAMPTZ: "timestamp with time zone",
  INTERVAL: "interval",
  NULL: "integer",
};

/**
 * The PostgreSQL type that holds every value of a DuckDB type, as `format_type` writes it; null
 * when there is none. Lists of scalars are arrays; lists of lists are `jsonb`, because an array
 * of PostgreSQL must be rectangular; so are structs and maps.
 */
export function toPostgresType(type: DuckType): string | null {
  switch (type.kind) {
    case "struct":
      return type.fields.every((field) => toPostgresType(field.type) !== null) ? "jsonb" : null;
    case "map":
      return toPostgresType(type.key) !== null && toPostgresType(type.value) !== null
        ? "jsonb"
        : null;
    case "list": {
      const element = toPostgresType(type.element);
      if (element === null) return null;
      return type.element.kind === "scalar" ? `${element}[]` : "jsonb";
    }
    case "scalar":
      if (type.name === "DECIMAL") {
        const [precision = 18, scale = 3] = type.args;
        return `numeric(${precision},${scale})`;
      }
      return SCALARS[type.name] ?? null;
  }
}

const POSTGRES_ALIASES: Readonly<Record<string, string>> = {
  bool: "boolean",
  int: "integer",
  int2: "smallint",
  int4: "integer",
  int8: "bigint",
  float4: "real",
  float8: "double precision",
  float: "double precision",
  decimal: "numeric",
  varchar: "character varying",
  char: "character",
  varbit: "bit varying",
  timestamptz: "timestamp with time zone",
  timestamp: "timestamp without time zone",
  timetz: "time with time zone",
  time: "time without time zone",
};

/**
 * A type as `format_type` writes it, from what a person wrote: `varchar(10)` becomes
 * `character varying(10)`, `timestamptz(3)[]` becomes `timestamp(3) with time zone[]`.
 * Names of types that are not built in stay as they are.
 */
export function canonicalPostgresType(written: string): string {
  const text = written.trim();
  if (text.includes('"')) return text;
  const brackets = /(?:\s*\[\d*\])+$/.exec(text);
  const body = text.slice(0, brackets?.index ?? text.length);
  const match = /^([^(]+?)\s*(?:\(([^)]*)\)\s*(.*))?$/.exec(body);
  if (match === null) return text;
  const [, head, args, tail] = match;
  const spelled = [head, tail ?? ""].join(" ").trim().toLowerCase().replace(/\s+/g, " ");
  const base = POSTGRES_ALIASES[spelled] ?? spelled;
  const modifiers = args?.split(",").map((arg) => arg.trim()) ?? [];
  if (base === "numeric" && modifiers.length === 1) modifiers.push("0");
  const modifier = modifiers.length === 0 ? "" : `(${modifiers.join(",")})`;
  const time = /^(timestamp|time) (with(?:out)? time zone)$/.exec(base);
  const full = time === null ? `${base}${modifier}` : `${time[1]}${modifier} ${time[2]}`;
  return brackets === null ? full : `${full}[]`;
}

/** A PostgreSQL type in parts that can be compared. */
interface TypeParts {
  readonly base: string;
  readonly args: readonly number[];
}

function partsOf(type: string): TypeParts {
  const match = /^([^(]+?)(?:\(([\d,]+)\))?( with(?:out)? time zone)?(\[\])?$/.exec(type);
  if (match === null) return { base: type, args: [] };
  return {
    base: `${match[1]}${match[3] ?? ""}${match[4] ?? ""}`,
    args: match[2] === undefined ? [] : match[2].split(",").map(Number),
  };
}

/** Decimal digits before the point that an integer type may need. */
const INTEGER_DIGITS: Readonly<Record<string, number>> = { smallint: 5, integer: 10, bigint: 19 };
const INTEGERS = ["smallint", "integer", "bigint"];

/** True when every value of `narrow` is a value of `wide`, unchanged. Types as `format_type` writes them. */
export function holdsAllOf(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  const [w, n] = [partsOf(wide), partsOf(narrow)];
  if (w.base === "numeric") {
    const digits = INTEGER_DIGITS[n.base];
    if (w.args.length === 0) return digits !== undefined || n.base === "numeric";
    const [precision, scale] = [w.args[0]!, w.args[1] ?? 0];
    if (digits !== undefined) return precision - scale >= digits;
    if (n.base !== "numeric" || n.args.length === 0) return false;
    const narrowScale = n.args[1] ?? 0;
    return scale >= narrowScale && precision - scale >= n.args[0]! - narrowScale;
  }
  if (INTEGERS.includes(w.base)) {
    return INTEGERS.includes(n.base) && INTEGERS.indexOf(w.base) >= INTEGERS.indexOf(n.base);
  }
  switch (wide) {
    case "double precision":
      return n.base === "real" || n.base === "smallint" || n.base === "integer";
    case "real":
      return n.base === "smallint";
    case "text":
    case "character varying":
      return n.base === "character varying" || n.base === "text";
    case "jsonb":
      return n.base === "json";
  }
  // Longer texts and finer times.
  if (w.base === n.base && ["character varying", "bit varying"].includes(w.base)) {
    return w.args.length === 0 || (n.args.length === 1 && w.args[0]! >= n.args[0]!);
  }
  return false;
}
