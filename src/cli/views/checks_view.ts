import { quoteName, quoteNodeId } from "../../engine/quote.ts";
import { type CheckResult, checkWords, foundWords, isBlocking } from "../../model/check.ts";
import type { EnvName } from "../../model/ids.ts";
import { type CheckCounts, countChecks } from "../../model/quality.ts";
import type { RunEvent } from "../../model/run.ts";
import type { Style } from "../terminal.ts";
import { formatCount, pad, plural } from "./format.ts";

/** What is said while a run goes on: warnings in full, failures as the command that shows their rows. */
export function checkedLines(
  { node, output, results }: Extract<RunEvent, { event: "checked" }>,
  environment: string | null,
  style: Style,
): string[] {
  const warnings = results.filter((result) => result.status !== "passed" && !isBlocking(result));
  const shown = results.find((result) => isBlocking(result) && result.query !== undefined);
  const rejected = (query: string) => query.replaceAll(quoteNodeId(node), quoteName(output));
  return [
    ...warnings.map((result) => `  ${style.yellow("warning:")} ${node}: ${checkWords(result)}`),
    ...(shown?.query === undefined ? [] : [
      `  ${style.cyan("look:")} seeknal query ${shellText(rejected(shown.query))}${
        environment === null ? "" : ` --env ${environment}`
      }`,
    ]),
  ];
}

/** Parts of a summary: `12 checks passed`, `1 warning`; none where nothing was checked. */
export function checkParts({ passed, warned, failed }: CheckCounts, style: Style): string[] {
  if (passed + warned + failed === 0) return [];
  return [
    `${formatCount(passed)} of ${plural(passed + warned + failed, "check")} passed`,
    ...(warned > 0 ? [style.yellow(plural(warned, "warning"))] : []),
  ];
}

/** Results node by node, for people. */
export function checksView(
  nodes: readonly { readonly id: string; readonly results: readonly CheckResult[] }[],
  { env, style }: { readonly env: EnvName; readonly style: Style },
): string {
  const all = nodes.flatMap(({ results }) => results);
  const width = Math.max(0, ...all.map(({ name }) => name.length));
  const lines = nodes.flatMap(({ id, results }) => [
    style.bold(id),
    ...results.flatMap((result) => resultLines(result, { env, style, width })),
  ]);
  const { passed, warned, failed } = countChecks(all);
  const parts = [
    `${formatCount(passed)} passed`,
    ...(warned > 0 ? [style.yellow(`${warned} warned`)] : []),
    ...(failed > 0 ? [style.red(`${failed} failed`)] : []),
  ];
  return [...lines, `${style.bold(plural(all.length, "check"))}: ${parts.join(", ")}`, ""]
    .join("\n");
}

function resultLines(
  result: CheckResult,
  { env, style, width }: {
    readonly env: EnvName;
    readonly style: Style;
    readonly width: number;
  },
): string[] {
  const { name, status, checked, query } = result;
  if (status === "passed") {
    const of = checked > 0 ? `  ${style.dim(plural(checked, "row"))}` : "";
    return [`  ${style.green("passed")}  ${pad(name, width)}${of}`];
  }
  const [word, paint] = isBlocking(result) ? ["failed", style.red] : ["warned", style.yellow];
  const found = result.status === "error"
    ? `could not be checked: ${foundWords(result)}`
    : foundWords(result);
  const place = env === "prod" ? "" : ` --env ${env}`;
  return [
    `  ${paint(word)}  ${pad(name, width)}  ${found}`,
    ...(query === undefined
      ? []
      : [`          ${style.dim(`seeknal query ${shellText(query)}${place}`)}`]),
  ];
}

/** A text as one word of a shell's command line. */
export function shellText(text: string): string {
  // On one line a comment would hide what stands behind it.
  const line = text.includes("--") ? text : text.replace(/\s*\n\s*/g, " ");
  return /["$`\\!]/.test(line) ? `'${line.replaceAll("'", `'\\''`)}'` : `"${line}"`;
}
