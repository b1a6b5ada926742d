import { ScriptError } from "./script_error.ts";

/** What a script may put into a row besides what `rows()` gives. */
export type ReturnedRow = Readonly<Record<string, unknown>>;

/** Bytes after which rows are handed on. */
const CHUNK_BYTES = 1 << 20;

/**
 * Rows as JSON lines that DuckDB reads back without a loss: the columns are `c0`, `c1`, … in the order in
 * which they are declared, and what JSON has no type for is the text that SQL casts (bigint, dates,
 * binary as `\x…`, NaN). Throws a `ScriptError` that names the row where columns are missing or too many.
 */
export class RowEncoder {
  readonly #columns: readonly { readonly name: string; readonly encode: (v: unknown) => unknown }[];
  readonly #send: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
  #lines: string[] = [];
  #size = 0;
  #rows = 0;
  #longest = 0;

  constructor(
    columns: readonly { readonly name: string; readonly type: string }[],
    send: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
  ) {
    this.#columns = columns.map(({ name, type }) => ({ name, encode: encoderFor(name, type) }));
    this.#send = send;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Characters of the longest line so far. */
  get longestLine(): number {
    return this.#longest;
  }

  /** Takes a row; wait for it only where `isFull` says so. */
  add(row: unknown): void {
    this.#rows++;
    if (typeof row !== "object" || row === null || Array.isArray(row)) {
      throw new ScriptError(
        `Row ${this.#rows} is ${describeValue(row)}, not an object`,
        "return an Arrow table or objects such as { id: 1, name: 'Ann' }",
      );
    }
    const line: Record<string, unknown> = {};
    this.#columns.forEach(({ name, encode }, i) => {
      if (!Object.hasOwn(row, name)) this.#refuse(row);
      const value = Reflect.get(row, name);
      try {
        line[`c${i}`] = value === null || value === undefined ? null : encode(value);
      } catch (error) {
        if (!(error instanceof ScriptError)) throw error;
        throw new ScriptError(`Row ${this.#rows}: ${error.message}`, error.hint);
      }
    });
    if (Object.keys(row).length > this.#columns.length) this.#refuse(row);
    const text = JSON.stringify(line);
    this.#longest = Math.max(this.#longest, text.length);
    this.#size += text.length + 1;
    this.#lines.push(text);
  }

  get isFull(): boolean {
    return this.#size >= CHUNK_BYTES;
  }

  /** Hands on what was taken. */
  async flush(): Promise<void> {
    if (this.#lines.length === 0) return;
    const bytes = new TextEncoder().encode(`${this.#lines.join("\n")}\n`);
    this.#lines = [];
    this.#size = 0;
    await this.#send(bytes);
  }

  #refuse(row: object): never {
    const problem = columnProblem(Object.keys(row), this.#columns.map(({ name }) => name))!;
    throw new ScriptError(`Row ${this.#rows} ${problem.message}`, problem.hint);
  }
}

/** What names do not fit to the declared columns, in words; null where they do. */
export function columnProblem(
  found: readonly string[],
  declared: readonly string[],
): { message: string; hint: string } | null {
  const missing = declared.filter((name) => !found.includes(name));
  const extra = found.filter((name) => !declared.includes(name));
  if (missing.length + extra.length === 0) return null;
  const quote = (names: readonly string[]) => names.map((name) => `"${name}"`).join(", ");
  const parts = [
    ...(missing.length > 0 ? [`lacks ${quote(missing)}`] : []),
    ...(extra.length > 0 ? [`has ${quote(extra)}, which columns: does not declare`] : []),
  ];
  return {
    message: parts.join(" and "),
    hint: missing.length > 0
      ? "every row has every declared column; where there is no value, null"
      : "declare it under columns:, or leave it out of the rows",
  };
}

const WHOLE = /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/;

function encoderFor(name: string, type: string): (value: unknown) => unknown {
  if (WHOLE.test(type)) {
    return (value) => {
      // A cast would round it without a word.
      if (typeof value === "number" && !Number.isInteger(value)) {
        throw new ScriptError(
          `column "${name}" is ${type}, and ${value} is not a whole number`,
          "round it, or declare DOUBLE",
        );
      }
      return encodeValue(value);
    };
  }
  if (type === "DATE") {
    return (value) => {
      if (!(value instanceof Date)) return encodeValue(value);
      const text = String(encodeValue(value));
      if (!text.endsWith("T00:00:00.000Z")) {
        throw new ScriptError(
          `column "${name}" is DATE, and ${text} is not midnight UTC`,
          "return the text of the date, such as 2026-01-31",
        );
      }
      return text.slice(0, -"T00:00:00.000Z".length);
    };
  }
  return encodeValue;
}

function encodeValue(value: unknown): unknown {
  switch (typeof value) {
    case "bigint":
      return value.toString();
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "function":
    case "symbol":
      throw new ScriptError(`${describeValue(value)} is not a value of a column`);
    case "object":
      return value === null ? null : encodeObject(value);
  }
  return value;
}

function encodeObject(value: object): unknown {
  if (Array.isArray(value) || value instanceof Set) return Array.from(value, encodeValue);
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new ScriptError("an invalid Date is not a value");
    return value.toISOString();
  }
  if (value instanceof Uint8Array) return bytesText(value);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, item]) => [key, encodeValue(item)]));
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, encodeValue(item)]));
  }
  if (TYPED_ARRAYS.has(prototype)) {
    return Array.from(value as unknown as Iterable<unknown>, encodeValue);
  }
  // Arrow's own decimals do not know their scale: taken as they are, 1.10 would become 110.
  throw new ScriptError(
    `a ${value.constructor?.name ?? "strange object"} is not a value of a column`,
    "read the rows of an input with rows(): its values can be returned as they are",
  );
}

const TYPED_ARRAYS: ReadonlySet<unknown> = new Set(
  [
    Float32Array,
    Float64Array,
    Int8Array,
    Int16Array,
    Int32Array,
    Uint16Array,
    Uint32Array,
    BigInt64Array,
    BigUint64Array,
  ].map((type) => type.prototype),
);

const HEX = Array.from({ length: 256 }, (_, n) => `\\x${n.toString(16).padStart(2, "0")}`);

function bytesText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

function describeValue(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
