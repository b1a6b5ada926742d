/** A JSON Schema (draft 2020-12) of a value. */
export type JsonSchema = Readonly<Record<string, unknown>>;
