import type { Scalar } from "../base/field_reader.ts";

/** What the command line says about `{{ name }}`. */
export interface TypedVariables {
  /** `--params`, a JSON object. */
  readonly params: Readonly<Record<string, Scalar>>;
  /** `--date`, the day that counts as today: `YYYY-MM-DD`; null: the clock's, in UTC. */
  readonly date: string | null;
}

/** Nothing was said. */
export const NO_TYPED_VARIABLES: TypedVariables = { params: {}, date: null };
