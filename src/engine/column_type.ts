/** The type of a column as a tree, so that nobody has to take type names apart. */
export type ColumnType =
  | { readonly type: "decimal"; readonly width: number; readonly scale: number }
  | { readonly type: "list"; readonly of: ColumnType }
  | {
    readonly type: "struct";
    readonly fields: readonly { readonly name: string; readonly type: ColumnType }[];
  }
  | { readonly type: "map"; readonly key: ColumnType; readonly value: ColumnType }
  | { readonly type: "scalar"; readonly name: string };

/** A column of a result. */
export interface TypedColumn {
  readonly name: string;
  readonly type: ColumnType;
}

/**
 * A value of a batch: exact, without anything of the engine's own. By type:
 *
 * - BOOLEAN boolean; TINYINT to INTEGER, UTINYINT to UINTEGER, FLOAT, DOUBLE number
 * - BIGINT, UBIGINT, HUGEINT bigint; DECIMAL bigint, without the decimal point
 * - DATE number, days since 1970; TIME, TIMESTAMP and the like bigint, in their own unit since 0 or 1970
 * - BLOB bytes; lists arrays; structs arrays in the order of their fields; maps arrays of `[key, value]`
 * - everything else its text
 */
export type PlainValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PlainValue[];

/** Some rows of a result, column by column. */
export interface Batch {
  readonly length: number;
  readonly values: readonly (readonly PlainValue[])[];
}

/** A result that is read piece by piece, in order. */
export interface BatchReader {
  readonly columns: readonly TypedColumn[];
  /** At least `rows` rows a piece, except the last. Throws `SqlError`. */
  batches(rows: number): AsyncGenerator<Batch>;
}
