/** A type as the server's catalog has it, domains already followed to what they are made of. */
export interface PostgresType {
  /** `pg_type.typname`: `int4`, `numeric`, `bpchar`. */
  readonly name: string;
  /** Its modifier, -1 for none: `numeric(10,2)` has 655366. */
  readonly modifier: number;
  /** True for a list of that type. */
  readonly isArray: boolean;
}

/**
 * How values of a type come over: as which text the server sends them, and what DuckDB makes
 * of that text. Everything is exact or fails; nothing is rounded, wrapped or cut.
 */
export interface Transfer {
  /** DuckDB's type, one that survives Parquet. */
  readonly type: string;
  /** What the server is asked for, from the column's quoted name. */
  readonly send: (column: string) => string;
  /** Type that the reader of the text may parse itself; null: it must be text. */
  readonly parsed: string | null;
  /** True when the server's text never has a backslash, tab or line break, which COPY escapes. */
  readonly isPlain: boolean;
  /** The value of a text that `fits`; fails where it has none. */
  readonly value: (text: string) => string;
  /** Whether a text is one that `value` gives exactly; null: `value` fails where not. */
  readonly fits: ((text: string) => string) | null;
}

/** Fraction digits of a numeric without declared scale. */
const DEFAULT_SCALE = 10;

/**
 * How a type comes over:
 *
 * | PostgreSQL | DuckDB |
 * |---|---|
 * | smallint, integer, bigint, oid | SMALLINT, INTEGER, BIGINT, UINTEGER |
 * | numeric(p,s) up to 38 digits | DECIMAL(p,s) |
 * | numeric without scale, or longer | DECIMAL(38,10); what has more digits, and NaN, fails the read: declare VARCHAR or another DECIMAL |
 * | real, double precision | FLOAT, DOUBLE with NaN, infinities and -0 |
 * | boolean, uuid, bytea | BOOLEAN, UUID, BLOB |
 * | date, timestamp, timestamptz | DATE, TIMESTAMP, TIMESTAMP WITH TIME ZONE; what DuckDB has no room for (after 294247 AD) fails the read |
 * | time | TIME |
 * | json, jsonb | JSON |
 * | character(n) | VARCHAR without the padding, as PostgreSQL's own cast to text |
 * | arrays of one dimension | lists; where they start counting is lost, more dimensions fail the read |
 * | interval, timetz | VARCHAR: Parquet's interval has milliseconds only, its time no zone |
 * | everything else | VARCHAR, the server's text |
 */
export function transferOf(type: PostgresType): Transfer {
  const scalar = scalarTransfer(type);
  return type.isArray ? listTransfer(scalar) : scalar;
}

/** As {@linkcode transferOf}, into a type that the project declares: DuckDB casts to it. */
export function declaredTransfer(type: PostgresType, declared: string): Transfer {
  const isList = /\[\d*\]$/.test(declared.trim());
  if (type.isArray && isList) {
    const element = declared.trim().replace(/\[\d*\]$/, "");
    return listTransfer(castTransfer(scalarTransfer(type), element));
  }
  if (type.isArray) return castTransfer(TEXT, declared);
  return castTransfer(scalarTransfer(type), declared);
}

const TEXT: Transfer = {
  type: "VARCHAR",
  send: (column) => column,
  parsed: null,
  isPlain: false,
  value: (text) => text,
  fits: null,
};

function parsed(type: string): Transfer {
  return {
    type,
    send: (column) => column,
    parsed: type,
    isPlain: true,
    value: (text) => `CAST(${text} AS ${type})`,
    fits: null,
  };
}

/**
 * PostgreSQL writes BC at the end, DuckDB in parentheses behind the day. DuckDB's reader of texts
 * would overlook it in a DATE and make NULL of the whole TIMESTAMP WITH TIME ZONE (1.5.5), so it may not
 * parse these two; of a TIMESTAMP it says that it cannot.
 */
function dated(type: string, parsedAs: string | null): Transfer {
  return {
    ...parsed(type),
    parsed: parsedAs,
    value: (text) =>
      `CAST(CASE WHEN ends_with(${text}, ' BC') THEN ` +
      `regexp_replace(${text}, '^(\\S+)(.*) BC$', '\\1 (BC)\\2') ELSE ${text} END AS ${type})`,
  };
}

const TRANSFERS: Readonly<Record<string, Transfer>> = {
  int2: parsed("SMALLINT"),
  int4: parsed("INTEGER"),
  int8: parsed("BIGINT"),
  oid: parsed("UINTEGER"),
  float4: parsed("FLOAT"),
  float8: parsed("DOUBLE"),
  bool: parsed("BOOLEAN"),
  uuid: parsed("UUID"),
  time: parsed("TIME"),
  date: dated("DATE", null),
  timestamp: dated("TIMESTAMP", "TIMESTAMP"),
  timestamptz: dated("TIMESTAMP WITH TIME ZONE", null),
  json: { ...TEXT, type: "JSON", value: (text) => `CAST(${text} AS JSON)` },
  jsonb: { ...TEXT, type: "JSON", value: (text) => `CAST(${text} AS JSON)` },
  bpchar: { ...TEXT, send: (column) => `${column}::text` },
  bytea: {
    ...TEXT,
    type: "BLOB",
    isPlain: true,
    send: (column) => `encode(${column}, 'hex')`,
    value: (text) => `unhex(${text})`,
  },
};

function scalarTransfer(type: PostgresType): Transfer {
  return type.name === "numeric" ? numericTransfer(type.modifier) : TRANSFERS[type.name] ?? TEXT;
}

function numericTransfer(modifier: number): Transfer {
  const size = numericSize(modifier);
  if (size !== null && size.precision <= NARROW_DIGITS) {
    return parsed(`DECIMAL(${size.precision},${size.scale})`);
  }
  const { precision, scale } = size ?? { precision: 38, scale: DEFAULT_SCALE };
  const type = `DECIMAL(${precision},${scale})`;
  const wide = {
    ...TEXT,
    type,
    isPlain: true,
    value: (text: string) => wideDecimal(text, type, scale),
  };
  return size !== null ? wide : {
    ...wide,
    fits: (text) =>
      `(strpos(${text}, '.') = 0 OR ` +
      `length(rtrim(${text}, '0')) - strpos(${text}, '.') <= ${DEFAULT_SCALE})`,
  };
}

/** Digits up to which DuckDB keeps a DECIMAL in 64 bits. */
const NARROW_DIGITS = 18;

/**
 * A text as a DECIMAL of more than 64 bits. DuckDB takes 9 µs to read one and a twentieth of that to
 * read a narrow one, which most values fit: measured with 1.5.5.
 */
function wideDecimal(text: string, type: string, scale: number): string {
  const point = `strpos(${text}, '.')`;
  const tiers = [Math.min(6, scale), Math.min(10, scale)].map((digits) => {
    const whole = NARROW_DIGITS - digits;
    const isShort = `(${point} = 0 AND length(${text}) <= ${whole}) OR ` +
      `(${point} BETWEEN 1 AND ${whole} AND length(${text}) - ${point} <= ${digits})`;
    return `WHEN ${isShort} THEN CAST(CAST(${text} AS DECIMAL(${NARROW_DIGITS},${digits})) AS ${type})`;
  });
  return `CASE ${tiers.join(" ")} ELSE CAST(${text} AS ${type}) END`;
}

/** Digits that hold every value of a `numeric(p,s)`; null when DuckDB has no such DECIMAL. */
function numericSize(modifier: number): { precision: number; scale: number } | null {
  if (modifier < 4) return null;
  const declared = ((modifier - 4) >> 16) & 0xffff;
  // 11 bits with a sign: PostgreSQL 15 allows scales from -1000 to 1000.
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  const precision = scale < 0 ? declared - scale : Math.max(declared, scale);
  return precision > 38 ? null : { precision, scale: Math.max(0, scale) };
}

/** Elements come as a JSON list of their texts: quotes, commas and NULLs of the server's own notation are settled there. */
function listTransfer(element: Transfer): Transfer {
  const list = (text: string) => `from_json(${text}, '["VARCHAR"]')`;
  const isFlat = (text: string) => `NOT starts_with(${text}, '[[')`;
  const { fits } = element;
  return {
    type: `${element.type}[]`,
    send: (column) => {
      const sent = element.send("e");
      return sent === "e" ? `to_json(${column}::text[])::text` : `CASE ` +
        `WHEN array_ndims(${column}) > 1 THEN '[[' WHEN ${column} IS NOT NULL THEN ` +
        `to_json(ARRAY(SELECT ${sent} FROM unnest(${column}) WITH ORDINALITY AS u(e, i) ` +
        `ORDER BY i))::text END`;
    },
    parsed: null,
    isPlain: false,
    value: (text) => `list_transform(${list(text)}, lambda e: ${element.value("e")})`,
    fits: (text) =>
      fits === null ? isFlat(text) : `(${isFlat(text)} AND len(list_filter(${list(text)}, ` +
        `lambda e: e IS NOT NULL AND NOT ${fits("e")})) = 0)`,
  };
}

/** What is declared has the last word on digits: an exact numeric is cast from its text, a text is the server's. */
function castTransfer(natural: Transfer, declared: string): Transfer {
  const isText = /^(varchar|text|string|char|bpchar)$/i.test(declared.trim());
  if (isText && natural.type !== "BOOLEAN") {
    return { ...TEXT, type: declared, send: natural.type === "BLOB" ? TEXT.send : natural.send };
  }
  const isExact = natural.type.startsWith("DECIMAL(") && !natural.type.endsWith("[]");
  const value = isExact ? TEXT.value : natural.value;
  return {
    type: declared,
    send: natural.send,
    parsed: null,
    isPlain: natural.isPlain,
    value: (text) => `CAST(${value(text)} AS ${declared})`,
    fits: isExact ? null : natural.fits,
  };
}
