import type { Scalar } from "../base/field_reader.ts";

/** A value of a source's `params`. */
export type ParamValue = Scalar | readonly Scalar[] | { readonly [key: string]: Scalar };
