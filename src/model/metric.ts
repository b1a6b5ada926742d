import type { ParamValue } from "./node.ts";

/** Type of the audits that look at what a script recorded instead of at rows. */
export const METRIC_AUDIT = "metric";

/** The params of such an audit. */
export function metricBounds(
  metric: string,
  bounds: { readonly min?: number; readonly max?: number },
): Readonly<Record<string, ParamValue>> {
  return { metric, ...bounds };
}
