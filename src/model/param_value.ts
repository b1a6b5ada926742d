import type { Scalar } from "../base/field_reader.ts";

/** A value of a node's `params`. */
export type ParamValue = Scalar | readonly Scalar[] | { readonly [key: string]: Scalar };
