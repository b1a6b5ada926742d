import type { Explanation } from "../../app/explain_node.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { loading } from "../loading.ts";
import { envOption, flag, printJson } from "../options.ts";
import { type Style, styleFor } from "../terminal.ts";
import { formatBytes, plural } from "../views/format.ts";

/** `why NODE` */
export const WHY: Command = {
  name: "why",
  summary: "Why a node is built, reused, stale or failed",
  arguments: [{ name: "NODE", doc: "kind.name or name", completes: "node" }],
  options: [
    { flags: "--env <ENV>", doc: "environment (default: prod)", completes: "environment" },
  ],
  examples: ["seeknal why transform.orders --env dev"],
  run: async (context) => {
    const env = envOption(context);
    const workspace = await context.workspace("read");
    const { explainNode } = await import("../../app/explain_node.ts");
    return await loading(
      context,
      workspace,
      { asJson: (diagnostics) => ({ format_version: 1, node: null, diagnostics }) },
      async () => {
        const explanation = await explainNode(workspace, context.args[0]!, env);
        if (flag(context, "json")) printJson(context, explanation);
        else {
          context.terminal.out(view(explanation, styleFor(context.terminal.colorOut)));
          sayNext(context, explanation);
        }
        return EXIT_DONE;
      },
    );
  },
};

function view(explanation: Explanation, style: Style): string {
  const { node, environment, file, reasons, causes, untraced, relies_on, stale } = explanation;
  const lines = [
    `${style.bold(node)} in ${environment}: ${style.bold(verdict(explanation))}  ${
      style.dim(file)
    }`,
    ...reasons.map((reason) => `  ${reason}`),
  ];
  if (reasons.length === 0) lines.push(`  ${plainReason(explanation)}`);
  if (causes.length > 0) lines.push("", style.bold("Where it starts"));
  for (const { node: cause, category, change, reasons: why, path } of causes) {
    lines.push(`  ${cause}  ${style.bold(category ?? (change === "direct" ? "DATA" : change))}`);
    lines.push(...why.map((reason) => `      ${reason}`));
    if (path.length > 2) lines.push(style.dim(`      ${path.join(" -> ")}`));
  }
  const facts = resultLine(explanation);
  if (facts !== null) lines.push("", facts);
  if (relies_on !== null) lines.push("", `Known to be as before or not by: ${relies_on}`);
  if (untraced !== null) {
    lines.push(
      "",
      `Its columns cannot be followed (${untraced}): ${
        node.startsWith("source.") ? "any change of its files counts" : "everything it reads counts"
      }.`,
    );
  }
  if (stale) lines.push("", "The plan of this environment is stale: the project changed since.");
  return lines.join("\n") + "\n";
}

function verdict({ status, change, reused_from, environment }: Explanation): string {
  switch (status) {
    case "build":
      return change === "new" ? "new, to be built" : "to be built";
    case "reuse":
      if (reused_from === environment) return "up to date";
      return `reused${reused_from === null ? "" : ` from ${reused_from}`}`;
    case "drop":
      return "to be dropped";
    case "failed":
      return "failed in the last run";
    case "skipped":
      return "skipped in the last run";
    case "none":
      return "has no data of its own";
  }
}

function plainReason({ status }: Explanation): string {
  return status === "reuse" || status === "none"
    ? "neither it nor anything it reads changed"
    : "it has no output for what it is now";
}

function resultLine({ result }: Explanation): string | null {
  if (result === null) return null;
  if (result.status !== "success") return `Last run: ${result.status}: ${result.error ?? ""}`;
  return `Its output: ${plural(result.rows!, "row")}, ${formatBytes(result.size_bytes!)}`;
}

function sayNext({ terminal }: CommandContext, { status, stale, environment }: Explanation): void {
  const style = styleFor(terminal.colorErr);
  const isProd = environment === "prod";
  const next = stale
    ? `seeknal plan ${environment}`
    : status === "reuse" || status === "none" || (status === "drop" && !isProd)
    ? null
    // Production is reached by way of an environment.
    : isProd
    ? "seeknal plan dev"
    : `seeknal run --env ${environment}`;
  if (next !== null) terminal.err(`${style.cyan("next:")} ${next}\n`);
}
