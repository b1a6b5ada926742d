import type { Location } from "../base/diagnostic.ts";
import type { Scalar } from "../base/field_reader.ts";
import type { CheckSeverity } from "./check.ts";

/** Rows that a test is given or expects. */
export type Fixture =
  | { readonly type: "rows"; readonly rows: readonly FixtureRow[] }
  /** Project-relative path of a CSV file with a header. */
  | { readonly type: "csv"; readonly path: string }
  | { readonly type: "sql"; readonly sql: string };

/** A row by column; numbers are texts as they are written, lists and mappings are JSON. */
export type FixtureRow = Readonly<Record<string, unknown>>;

/** What a unit test gives to one input of its node. */
export interface GivenRows {
  /** Id of the input as it is written. */
  readonly ref: string;
  readonly fixture: Fixture;
  readonly place: Location;
}

/** Given rows in, expected rows out: a test of a node's query, or of one common table expression of it. */
export interface UnitTest {
  readonly name: string;
  readonly description: string | null;
  readonly place: Location;
  /** The node as it is written. */
  readonly node: string;
  /** Name of a common table expression; null for what the node returns. */
  readonly cte: string | null;
  /** Inputs that are not named are empty. */
  readonly given: readonly GivenRows[];
  /** What `{{ name }}` stands for in this test. */
  readonly params: Readonly<Record<string, Scalar>>;
  readonly expect: {
    readonly fixture: Fixture;
    /** True: the order of the rows counts. */
    readonly ordered: boolean;
    /** True: columns that are not named may be there. */
    readonly partial: boolean;
    /** Columns that are compared; null: those of the expected rows. */
    readonly columns: readonly string[] | null;
  };
}

/** A query over the outputs of an environment whose rows are failures. */
export interface DataTest {
  readonly name: string;
  readonly description: string | null;
  readonly place: Location;
  /** Without its header. */
  readonly sql: string;
  readonly severity: CheckSeverity;
  /** Rows up to which it passes. */
  readonly maxViolations: number;
}

/** A value of a compared row as text; null for NULL. */
export type TestCell = string | null;

/** How the rows that came out differ from those expected. */
export interface RowsDiff {
  /** Columns compared. */
  readonly columns: readonly string[];
  readonly expected: number;
  readonly actual: number;
  readonly missing: readonly (readonly TestCell[])[];
  readonly extra: readonly (readonly TestCell[])[];
  /** Rows that are there with other values. */
  readonly changed: readonly {
    readonly expected: readonly TestCell[];
    readonly actual: readonly TestCell[];
  }[];
}

/** What came of a test. */
export interface TestResult {
  readonly name: string;
  readonly type: "unit" | "data";
  readonly file: string;
  readonly line: number;
  /** The node that is tested; null for a data test. */
  readonly node: string | null;
  /** `warned`: failed with severity `warn`. `error`: it could not be run. */
  readonly status: "passed" | "failed" | "warned" | "error" | "skipped";
  readonly message: string | null;
  readonly diff: RowsDiff | null;
  readonly duration_ms: number;
}
