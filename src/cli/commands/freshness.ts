import type { SourceFreshness } from "../../app/check_freshness.ts";
import { type Command, PROFILE } from "../command.ts";
import { EXIT_CODES, EXIT_DONE } from "../exit_codes.ts";
import { envName, flag, printJson, text } from "../options.ts";
import { type Style, styleFor } from "../terminal.ts";
import { alignColumns } from "../views/format.ts";
import { SELECT, selectionOf } from "../selection_options.ts";

/** `freshness` */
export const FRESHNESS: Command = {
  name: "freshness",
  summary: "How old the newest rows of sources are, against their warn_after and error_after",
  arguments: [],
  options: [
    {
      flags: "-e, --env <ENV>",
      doc: "environment whose profile counts (default: prod)",
      completes: "environment",
    },
    SELECT,
    PROFILE,
  ],
  examples: ["seeknal freshness", "seeknal freshness --select tag:raw --json"],
  run: async (context) => {
    const typed = text(context, "env");
    const env = typed === null ? null : envName(context, typed);
    const workspace = await context.workspace("write");
    const { checkFreshness, freshnessError } = await import("../../app/check_freshness.ts");
    const sources = await checkFreshness(workspace, { env, select: selectionOf(context).select });
    const error = freshnessError(sources);
    const code = error === null ? EXIT_DONE : EXIT_CODES[error.kind];
    if (flag(context, "json")) {
      printJson(context, { format_version: 1, environment: env ?? "prod", sources });
      return code;
    }
    const { terminal } = context;
    if (sources.length === 0) {
      terminal.out("No source says how fresh it has to be\n");
      const hint = styleFor(terminal.colorErr).cyan("hint:");
      terminal.err(
        `  ${hint} write freshness: {time_column: updated_at, warn_after: 24h, error_after: 48h}\n`,
      );
      return code;
    }
    terminal.out(freshnessView(sources, styleFor(terminal.colorOut)));
    if (error !== null) {
      const style = styleFor(terminal.colorErr);
      terminal.err(`${style.red("error:")} ${error.message}\n`);
      terminal.err(`  ${style.cyan("hint:")} ${error.hint}\n`);
    }
    return code;
  },
};

function freshnessView(sources: readonly SourceFreshness[], style: Style): string {
  const paint = { pass: style.green, warn: style.yellow, error: style.red, unknown: style.red };
  const rows = sources.map((source) => [
    paint[source.status](source.status),
    style.bold(source.node),
    source.error === null ? ageWords(source.age_seconds) : source.error.split("\n")[0]!,
    source.newest === null ? "" : `newest ${source.time_column} ${source.newest}`,
    style.dim(limitWords(source)),
  ]);
  return alignColumns(rows).join("\n") + "\n";
}

function ageWords(seconds: number | null): string {
  if (seconds === null) return "no rows";
  if (seconds < 0) return "in the future";
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24];
  const minutes = Math.floor(seconds / 60) % 60;
  if (days > 0) return `${days}d ${hours}h old`;
  return hours > 0 ? `${hours}h ${minutes}m old` : `${minutes}m ${seconds % 60}s old`;
}

function limitWords({ warn_after, error_after }: SourceFreshness): string {
  return [
    ...(warn_after === null ? [] : [`warn after ${warn_after}`]),
    ...(error_after === null ? [] : [`error after ${error_after}`]),
  ].join(", ");
}
