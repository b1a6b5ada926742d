import { didYouMean } from "./closest.ts";
import type { Diagnostic, Location } from "./diagnostic.ts";

/** Where parts of a YAML document stand. */
export interface Locator {
  locate(path: readonly (string | number)[]): Location;
  locateKey(path: readonly (string | number)[]): Location;
  locateInText(path: readonly (string | number)[], line: number, column: number): Location;
  /** The value as it is written; null when there is none. */
  textAt(path: readonly (string | number)[]): string | null;
}

/** Receives the problems that are found. */
export type Report = (diagnostic: Diagnostic) => void;

/** A scalar as YAML knows it. */
export type Scalar = string | number | boolean | null;

type Mapping = Readonly<Record<string, unknown>>;

/**
 * Reads typed fields out of one YAML mapping. Every problem is reported with its
 * place and the reading goes on, so that a user sees all of them at once.
 */
export class FieldReader {
  readonly #value: Mapping;
  readonly #locator: Locator;
  readonly #path: readonly (string | number)[];
  readonly #report: Report;
  readonly #asked = new Set<string>();

  constructor(
    value: Mapping,
    options: { locator: Locator; path: readonly (string | number)[]; report: Report },
  ) {
    this.#value = value;
    this.#locator = options.locator;
    this.#path = options.path;
    this.#report = options.report;
  }

  /** True when the field is written, whatever its value. */
  has(field: string): boolean {
    return Object.hasOwn(this.#value, field);
  }

  /** True when the field is a mapping. */
  isMapping(field: string): boolean {
    return isMapping(this.#value[field]);
  }

  /** A non-empty text; null (and a problem) when it is missing or something else. */
  requiredText(field: string, example: string): string | null {
    this.#asked.add(field);
    const value = this.#value[field];
    if (typeof value === "string" && value.trim() !== "") return value;
    if (value === undefined || value === null || value === "") {
      this.problem(
        [],
        "missing_field",
        `Field "${field}" is missing`,
        `write ${field}: ${example}`,
      );
    } else if (typeof value === "string") {
      this.problem([field], "missing_field", `"${field}" is empty`, `write ${example}`);
    } else {
      this.#wrongType(field, "a text", value);
    }
    return null;
  }

  /** A text or null; a number becomes its text. */
  optionalText(field: string): string | null {
    this.#asked.add(field);
    const value = this.#value[field];
    if (value === undefined || value === null) return null;
    if (typeof value === "string") return value;
    if (typeof value === "number") return String(value);
    this.#wrongType(field, "a text", value);
    return null;
  }

  /** A positive number or null. */
  optionalPositive(field: string): number | null {
    this.#asked.add(field);
    const value = this.#value[field];
    if (value === undefined || value === null) return null;
    if (typeof value === "number" && value > 0) return value;
    this.#wrongType(field, "a number above 0", value);
    return null;
  }

  /** A number or null. */
  optionalNumber(field: string): number | null {
    this.#asked.add(field);
    const value = this.#value[field];
    if (value === undefined || value === null) return null;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    this.#wrongType(field, "a number", value);
    return null;
  }

  /** True, false, or null when it is absent. */
  optionalBoolean(field: string): boolean | null {
    this.#asked.add(field);
    const value = this.#value[field];
    if (value === undefined || value === null) return null;
    if (typeof value === "boolean") return value;
    this.#wrongType(field, "true or false", value);
    return null;
  }

  /** A list of texts; a single text counts as a list of one. */
  texts(field: string): readonly string[] {
    this.#asked.add(field);
    const value = this.#value[field];
    if (value === undefined || value === null) return [];
    const list = Array.isArray(value) ? value : [value];
    if (list.every((item) => typeof item === "string" || typeof item === "number")) {
      return list.map(String);
    }
    this.#wrongType(field, "a list of texts", value);
    return [];
  }

  /** A list whose items the caller looks at. */
  list(field: string): readonly unknown[] {
    this.#asked.add(field);
    const value = this.#value[field];
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value;
    this.#wrongType(field, "a list", value);
    return [];
  }

  /** A list, or a single mapping that counts as a list of one, with where each item stands. */
  listOrOne(field: string): { value: unknown; path: (string | number)[] }[] {
    const value = this.#value[field];
    if (isMapping(value)) {
      this.#asked.add(field);
      return [{ value, path: [field] }];
    }
    return this.list(field).map((item, i) => ({ value: item, path: [field, i] }));
  }

  /** A mapping whose values the caller looks at. */
  mapping(field: string): Mapping {
    this.#asked.add(field);
    const value = this.#value[field];
    if (value === undefined || value === null) return {};
    if (isMapping(value)) return value;
    this.#wrongType(field, "a mapping", value);
    return {};
  }

  /** A mapping of scalars; numbers as they are written, so that no digit is lost. */
  scalars(field: string): Readonly<Record<string, Scalar>> {
    const result: Record<string, Scalar> = {};
    for (const [key, value] of Object.entries(this.mapping(field))) {
      if (typeof value === "number") {
        result[key] = this.#locator.textAt([...this.#path, field, key]) ?? value;
      } else if (isScalar(value)) result[key] = value;
      else this.problem([field, key], "wrong_type", `"${key}" must be a single value`);
    }
    return result;
  }

  /** All fields of this mapping, which must be scalars. */
  allScalars(): Readonly<Record<string, Scalar>> {
    const result: Record<string, Scalar> = {};
    for (const [field, value] of Object.entries(this.#value)) {
      this.#asked.add(field);
      if (isScalar(value)) result[field] = value;
      else this.problem([field], "wrong_type", `"${field}" must be a single value`);
    }
    return result;
  }

  /** A value of whatever type, for the caller to look at; undefined when it is absent. */
  value(field: string): unknown {
    this.#asked.add(field);
    return this.#value[field];
  }

  /** A value as it is written, so that no digit of a number is lost; null when there is none. */
  textOf(field: string): string | null {
    this.#asked.add(field);
    return this.#locator.textAt([...this.#path, field]);
  }

  /** Takes a field as known without looking at it. */
  ignore(field: string): void {
    this.#asked.add(field);
  }

  /** A reader for a mapping inside this one, already known to be a mapping. */
  child(value: Mapping, path: readonly (string | number)[]): FieldReader {
    return new FieldReader(value, {
      locator: this.#locator,
      path: [...this.#path, ...path],
      report: this.#report,
    });
  }

  /** Reports a problem at a path below this mapping. */
  problem(
    path: readonly (string | number)[],
    code: string,
    message: string,
    hint?: string,
  ): void {
    const location = this.#locator.locate([...this.#path, ...path]);
    this.#report({ severity: "error", code, message, ...location, hint });
  }

  /** Reports something to look at, at a path below this mapping. */
  warning(
    path: readonly (string | number)[],
    code: string,
    message: string,
    hint?: string,
  ): void {
    const location = this.#locator.locate([...this.#path, ...path]);
    this.#report({ severity: "warning", code, message, ...location, hint });
  }

  /** Reports every field that nothing has asked for. Call last. */
  rejectUnknown(what: string, hints: Readonly<Record<string, string>> = {}): void {
    for (const field of Object.keys(this.#value)) {
      if (this.#asked.has(field)) continue;
      const location = this.#locator.locateKey([...this.#path, field]);
      this.#report({
        severity: "error",
        code: "unknown_field",
        message: `Unknown field "${field}" in ${what}`,
        ...location,
        hint: hints[field] ?? didYouMean(field, this.#asked) ??
          `${what} has: ${[...this.#asked].sort().join(", ")}`,
      });
    }
  }

  #wrongType(field: string, expected: string, value: unknown): void {
    this.problem(
      [field],
      "wrong_type",
      `"${field}" must be ${expected}, not ${describe(value)}`,
    );
  }
}

/** True for a YAML mapping. */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True for text, number, boolean and null. */
export function isScalar(value: unknown): value is Scalar {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

function describe(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a mapping" : `the ${typeof value} ${JSON.stringify(value)}`;
}
