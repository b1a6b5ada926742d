import type { TypedVariables } from "../model/variables.ts";
import type { CommonSnippets } from "../project/common_snippets.ts";
import type { Variables } from "../sql/resolve_query.ts";

const FUNCTIONS = ["today", "yesterday", "month_start", "year_start", "run_date", "project"];

/**
 * What `{{ name }}` stands for: `--params` before a node's own `params`, then common snippets, dates
 * (`today`, `today(-7)`, `yesterday`, `month_start(-1)`, `year_start`, `run_date`) and `project`. Variables of the machine are
 * not among them: what they hold may be secret, and a query is kept.
 */
export function variablesOf(
  { snippets, project, typed, now }: {
    readonly snippets: CommonSnippets;
    readonly project: string;
    readonly typed: TypedVariables;
    readonly now: () => Date;
  },
): Variables {
  const today = () => typed.date === null ? now() : new Date(`${typed.date}T00:00:00Z`);
  return {
    override: (name) => Object.hasOwn(typed.params, name) ? typed.params[name] : undefined,
    find: (name) => {
      if (Object.hasOwn(snippets, name)) return snippets[name];
      if (name === "project") return project;
      const call = /^(\w+)(?:\(\s*([+-]?\d{1,5})?\s*\))?$/.exec(name);
      return call === null ? undefined : dateOf(call[1]!, Number(call[2] ?? 0), today);
    },
    names: [...Object.keys(snippets), ...FUNCTIONS],
  };
}

/** A day as `YYYY-MM-DD`; undefined for what is no date function. */
function dateOf(name: string, offset: number, today: () => Date): string | undefined {
  const day = (year: number, month: number, date: number) =>
    new Date(Date.UTC(year, month, date)).toISOString().slice(0, 10);
  const parts = () => {
    const date = today();
    return [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()] as const;
  };
  switch (name) {
    case "today":
    case "run_date": {
      const [year, month, date] = parts();
      return day(year, month, date + offset);
    }
    case "yesterday": {
      const [year, month, date] = parts();
      return day(year, month, date - 1 + offset);
    }
    case "month_start": {
      const [year, month] = parts();
      return day(year, month + offset, 1);
    }
    case "year_start":
      return day(parts()[0] + offset, 0, 1);
    default:
      return undefined;
  }
}
