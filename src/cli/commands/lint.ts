import { join, relative, resolve } from "node:path";
import type { Finding } from "../../app/lint/finding.ts";
import type { LintReport } from "../../app/lint/run_lint.ts";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { UserError } from "../../base/user_error.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT_CODES, EXIT_DONE } from "../exit_codes.ts";
import { loading, showWarnings } from "../loading.ts";
import { flag, printJson, text } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { diagnosticsView } from "../views/diagnostics_view.ts";
import { alignColumns, formatCount, plural } from "../views/format.ts";

const FORMATS = ["text", "json", "github"];

/** `lint [PATHS]` */
export const LINT: Command = {
  name: "lint",
  summary: "Find what is legal and yet a mistake; exit 3 for what the project calls an error",
  arguments: [{ name: "[PATHS...]", doc: "files and folders (default: all nodes)" }],
  options: [
    { flags: "--fix", doc: "write what can be put right without changing what a query means" },
    { flags: "--rules", doc: "list the rules" },
    { flags: "--all", doc: "every finding, where there are many" },
    { flags: "--strict", doc: "warnings count as errors" },
    {
      flags: "--format <FORMAT>",
      doc: "text, json, or github for annotations of a pull request",
      completes: FORMATS,
    },
  ],
  examples: [
    "seeknal lint --fix",
    "seeknal lint --rules",
    "seeknal lint --format github seeknal/marts",
  ],
  run: async (context) => {
    const format = formatOf(context);
    const workspace = await context.workspace("read");
    if (flag(context, "rules")) return await showRules(context, workspace.root, format);
    const paths = pathsOf(context, workspace.root);
    const { lintProject } = await import("../../app/lint/run_lint.ts");
    return await loading(
      { ...context, options: { ...context.options, json: format === "json" } },
      workspace,
      { asJson: (diagnostics) => ({ format_version: 1, findings: [], diagnostics }) },
      async () => {
        const report = await lintProject(workspace, { paths, fix: flag(context, "fix") });
        if (format !== "json") showWarnings(context, workspace, report.diagnostics);
        show(context, workspace.root, report, format);
        const isBad = ({ severity }: Finding) => severity === "error" || flag(context, "strict");
        return report.findings.some(isBad) ? EXIT_CODES.validation : EXIT_DONE;
      },
    );
  },
};

function show(
  context: CommandContext,
  root: string,
  report: LintReport,
  format: string,
): void {
  const { terminal } = context;
  const { findings, fixed, diagnostics, nodes } = report;
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const warnings = findings.length - errors;
  if (format === "json") {
    const summary = { nodes, errors, warnings, fixed: fixed.length };
    printJson(context, { format_version: 1, summary, findings, fixed, diagnostics });
    return;
  }
  if (format === "github") {
    const base = context.host.env("GITHUB_WORKSPACE") ?? context.host.cwd;
    for (const finding of findings) terminal.out(annotation(finding, relative(base, root)));
    return;
  }
  const style = styleFor(terminal.colorOut);
  const shown = flag(context, "all") ? findings : mostSerious(findings);
  if (shown.length > 0) {
    terminal.out(`${diagnosticsView(shown.map(asDiagnostic), root, style)}\n`);
  }
  if (shown.length < findings.length) {
    const more = style.dim(
      `... and ${formatCount(findings.length - shown.length)} more (--all shows them)`,
    );
    terminal.out(`${more}\n\n${rulesFound(findings).join("\n")}\n\n`);
  }
  const parts = [
    ...(fixed.length > 0 ? [style.green(`${fixed.length} fixed`)] : []),
    ...(errors > 0 ? [style.red(plural(errors, "error"))] : []),
    ...(warnings > 0 ? [style.yellow(plural(warnings, "warning"))] : []),
  ];
  const found = parts.length === 0 ? "nothing found" : parts.join(", ");
  terminal.out(`${style.bold("Lint:")} ${found} in ${plural(nodes, "node")}\n`);
  const fixable = findings.filter((finding) => finding.fixable).length;
  if (fixable > 0 && !flag(context, "fix")) {
    const next = styleFor(terminal.colorErr).cyan("next:");
    terminal.err(`${next} seeknal lint --fix puts ${fixable} of them right\n`);
  }
}

/** Findings shown without --all. */
const SHOWN = 40;

/** As many findings as are read, errors first to stay; in their order. */
function mostSerious(findings: readonly Finding[]): readonly Finding[] {
  if (findings.length <= SHOWN) return findings;
  const chosen = new Set(
    [...findings].sort((a, b) => Number(b.severity === "error") - Number(a.severity === "error"))
      .slice(0, SHOWN),
  );
  return findings.filter((finding) => chosen.has(finding));
}

/** How often each rule found something. */
function rulesFound(findings: readonly Finding[]): string[] {
  const counts = new Map<string, number>();
  for (const { rule } of findings) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return alignColumns(
    [...counts].sort(([, a], [, b]) => b - a).map((
      [rule, n],
    ) => [formatCount(n).padStart(7), rule]),
  );
}

function asDiagnostic({ severity, rule, message, file, line, column, hint }: Finding): Diagnostic {
  return {
    severity,
    code: rule,
    message: `${message} (${rule})`,
    ...{ file, line, column },
    ...(hint === null ? {} : { hint }),
  };
}

/** A line that GitHub Actions shows at its place in the pull request. */
function annotation(finding: Finding, prefix: string): string {
  const { severity, rule, message, file, line, column, hint } = finding;
  const value = (text: string) =>
    text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = (text: string) => value(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const path = join(prefix, file).replaceAll("\\", "/");
  const words = hint === null ? message : `${message}. ${hint}`;
  return `::${severity} file=${property(path)},line=${line},col=${column},title=${
    property(rule)
  }::${value(words)}\n`;
}

async function showRules(context: CommandContext, root: string, format: string): Promise<number> {
  const { LINT_RULES } = await import("../../app/lint/registry.ts");
  const { levelOf } = await import("../../app/lint/run_lint.ts");
  const { lintLevels } = await import("../../app/lint/lint_levels.ts");
  const levels = lintLevels(root);
  const rules = LINT_RULES.map((rule) => ({ ...rule, level: levelOf(rule, levels) }));
  if (format === "json") {
    const list = rules.map(({ id, level, summary, why, fixable = false }) => ({
      ...{ id, level, fixable, summary, why },
    }));
    printJson(context, { format_version: 1, rules: list });
    return EXIT_DONE;
  }
  const style = styleFor(context.terminal.colorOut);
  const paint = { error: style.red, warn: style.yellow, off: style.dim };
  const rows = rules.map(({ id, level, summary, fixable }) => [
    style.bold(id),
    paint[level](level),
    summary + (fixable === true ? style.dim(" (--fix)") : ""),
  ]);
  context.terminal.out(`${alignColumns(rows).join("\n")}\n`);
  context.terminal.err(style.dim(
    "\nseeknal_project.yml:  lint: {no-select-star: error, owner: warn, naming: off}\n" +
      "in a node's file:     -- seeknal: ignore no-select-star\n",
  ));
  return EXIT_DONE;
}

/** Paths as typed, relative to the project. Throws `unknown_path` (2). */
function pathsOf({ args, host }: CommandContext, root: string): string[] {
  const typed = (args[0] ?? []) as unknown as string[];
  return typed.map((path) => {
    const absolute = resolve(host.cwd, path);
    const inside = relative(root, absolute).replaceAll("\\", "/");
    try {
      Deno.statSync(absolute);
    } catch {
      throw new UserError(`No such file or folder: ${path}`, {
        code: "unknown_path",
        kind: "usage",
        hint: "name files below seeknal/",
      });
    }
    return inside;
  });
}

function formatOf(context: CommandContext): string {
  const format = text(context, "format") ?? (flag(context, "json") ? "json" : "text");
  if (FORMATS.includes(format)) return format;
  throw new UserError(`Unknown format "${format}"`, {
    code: "invalid_option",
    kind: "usage",
    hint: `write --format ${FORMATS.join(", ")}`,
  });
}
