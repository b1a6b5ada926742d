import { isMapping, isScalar, type Scalar } from "../base/field_reader.ts";
import { parseTime } from "../base/time_intervals.ts";
import { UserError } from "../base/user_error.ts";
import type { IntervalOptions } from "../app/interval_options.ts";
import type { TypedVariables } from "../model/variables.ts";
import type { CommandContext, CommandOption } from "./command.ts";

/** Options of commands that resolve queries. */
export const VARIABLE_OPTIONS: readonly CommandOption[] = [
  { flags: "--params <JSON>", doc: "what {{ name }} stands for, before what nodes say" },
  {
    flags: "--date <DATE>",
    doc: "the day that {{ today }} and {{ run_date }} are (default: today, UTC)",
  },
  { flags: "--run-id <ID>", doc: "what {{ run_id }} stands for" },
];

/** Options of commands that build intervals. */
export const INTERVAL_OPTIONS: readonly CommandOption[] = [
  { flags: "--start <TIME>", doc: "build intervals from here on only" },
  { flags: "--end <TIME>", doc: "build intervals up to here only, not including it" },
  { flags: "--start-date <DATE>", doc: "the same as --start" },
  { flags: "--end-date <DATE>", doc: "up to and including this day" },
  {
    flags: "--restate <NODE>",
    doc: "build done intervals of a node again, between --start and --end or all",
    repeats: true,
    completes: "node",
  },
];

const DAY_MS = 86_400_000;

/** What was typed of variables. Throws `invalid_option` (2). */
export function typedVariables(options: CommandContext["options"]): TypedVariables {
  const date = textOf(options, "date");
  if (date !== null && (parseTime(date) === null || date.length !== 10)) {
    throw invalid("date", date, "a day", "--date 2026-01-31");
  }
  const runId = textOf(options, "runId");
  const params = paramsOf(textOf(options, "params"));
  return { date, params: runId === null ? params : { run_id: runId, ...params } };
}

function paramsOf(text: string | null): Readonly<Record<string, Scalar>> {
  if (text === null) return {};
  const example = `--params '{"region": "EU"}'`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("params", text, "a JSON object", example);
  }
  if (!isMapping(value)) throw invalid("params", text, "a JSON object", example);
  const params: Record<string, Scalar> = {};
  for (const [name, entry] of Object.entries(value)) {
    if (!isScalar(entry)) throw invalid("params", text, `a single value for "${name}"`, example);
    params[name] = entry;
  }
  return params;
}

/** What was typed of intervals. Throws `invalid_option` (2). */
export function typedIntervals(options: CommandContext["options"]): IntervalOptions {
  const time = (name: string) => {
    const text = textOf(options, name);
    if (text === null) return null;
    const ms = parseTime(text);
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (ms === null) throw invalid(flag, text, "a day or a time in UTC", `--${flag} 2026-01-31`);
    return ms;
  };
  const [startMs, endMs] = [time("start") ?? time("startDate"), time("end")];
  const lastDay = time("endDate");
  const end = endMs ?? (lastDay === null ? null : lastDay + DAY_MS);
  if (startMs !== null && end !== null && startMs >= end) {
    throw new UserError("--start is not before --end", {
      code: "invalid_option",
      kind: "usage",
      hint: "write --start 2026-01-01 --end 2026-02-01",
    });
  }
  const restate = options["restate"];
  return {
    startMs,
    endMs: end,
    restate: Array.isArray(restate)
      ? restate.flatMap((item) => String(item).split(",")).map((item) => item.trim()).filter(
        Boolean,
      )
      : [],
  };
}

function textOf(options: CommandContext["options"], name: string): string | null {
  const value = options[name];
  return typeof value === "string" ? value : null;
}

function invalid(flag: string, typed: string, expected: string, example: string): UserError {
  return new UserError(`Invalid --${flag} "${typed}": expected ${expected}`, {
    code: "invalid_option",
    kind: "usage",
    hint: `write ${example}`,
  });
}
