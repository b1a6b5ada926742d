import type { FieldReader } from "../base/field_reader.ts";
import type { FreshnessSpec } from "../model/node.ts";
import { parseDuration } from "../base/quantities.ts";

/** Reads `freshness: {time_column, warn_after, error_after}`; null where it is not written or of no use. */
export function readFreshness(reader: FieldReader): FreshnessSpec | null {
  if (!reader.has("freshness")) return null;
  const inner = reader.child(reader.mapping("freshness"), ["freshness"]);
  const timeColumn = inner.requiredText("time_column", "updated_at");
  const [warnAfter, errorAfter] = ["warn_after", "error_after"].map((field) => {
    const text = inner.optionalText(field);
    if (text === null || (parseDuration(text) ?? 0) > 0) return text;
    inner.problem([field], "wrong_value", `"${text}" is no length of time`, "write 30m, 24h or 7d");
    return null;
  });
  inner.rejectUnknown("freshness");
  const [warn, error] = [warnAfter ?? null, errorAfter ?? null];
  if (timeColumn === null) return null;
  if (!inner.has("warn_after") && !inner.has("error_after")) {
    reader.warning(
      ["freshness"],
      "freshness_without_limit",
      "freshness says neither warn_after nor error_after, and nothing is checked",
      "add warn_after: 24h, error_after: 48h or both",
    );
    return null;
  }
  if (warn !== null && error !== null && parseDuration(warn)! >= parseDuration(error)!) {
    inner.problem(
      ["warn_after"],
      "wrong_value",
      `warn_after (${warn}) is not before error_after (${error})`,
      "write a shorter time, or leave it out",
    );
  }
  return { time_column: timeColumn, warn_after: warn, error_after: error };
}
