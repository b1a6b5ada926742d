import type { TestReport } from "../../app/run_tests.ts";
import type { RowsDiff, TestCell, TestResult } from "../../model/test.ts";
import type { Style } from "../terminal.ts";
import { displayWidth, formatDuration, pad, plural } from "./format.ts";

/** Rows of a diff that are shown of each kind. */
const ROWS_SHOWN = 10;
/** Characters of a cell that are shown. */
const CELL_WIDTH = 40;

/** Tests as people read them: a line each, and below those that failed what is wrong. */
export function testView({ results, duration_ms }: TestReport, style: Style): string {
  const width = Math.max(0, ...results.map(({ name }) => displayWidth(name)));
  const lines = results.flatMap((result) => [
    `${statusWord(result, style)}  ${pad(result.name, width)}  ${
      style.dim(
        result.status === "passed"
          ? result.node ?? result.file
          : `${result.node === null ? "" : `${result.node}  `}${result.file}:${result.line}`,
      )
    }`,
    ...(result.message === null ? [] : result.message.split("\n").map((line) => `      ${line}`)),
    ...(result.diff === null ? [] : diffLines(result.diff, style).map((line) => `      ${line}`)),
  ]);
  return `${[...lines, summary(results, duration_ms, style)].join("\n")}\n`;
}

function statusWord({ status }: TestResult, style: Style): string {
  switch (status) {
    case "passed":
      return style.green("passed ");
    case "failed":
      return style.red("failed ");
    case "error":
      return style.red("error  ");
    case "warned":
      return style.yellow("warned ");
    case "skipped":
      return style.dim("skipped");
  }
}

function summary(results: readonly TestResult[], durationMs: number, style: Style): string {
  const count = (status: TestResult["status"]) =>
    results.filter((result) => result.status === status).length;
  const part = (status: TestResult["status"], paint: (text: string) => string) =>
    count(status) === 0 ? [] : [paint(`${count(status)} ${status}`)];
  const parts = [
    `${count("passed")} passed`,
    ...part("failed", style.red),
    ...part("error", style.red),
    ...part("warned", style.yellow),
    ...part("skipped", style.dim),
  ];
  return `${style.bold(plural(results.length, "test"))}: ${parts.join(", ")} in ${
    formatDuration(durationMs)
  }`;
}

/** Rows side by side under their columns; a changed row shows what was expected and what came. */
function diffLines(diff: RowsDiff, style: Style): string[] {
  const { columns, missing, extra, changed } = diff;
  const shown = [
    ...changed.slice(0, ROWS_SHOWN).map((row) => ({ sign: "~", ...row })),
    ...missing.slice(0, ROWS_SHOWN).map((row) => ({ sign: "-", expected: row, actual: null })),
    ...extra.slice(0, ROWS_SHOWN).map((row) => ({ sign: "+", expected: null, actual: row })),
  ];
  const cells = shown.map(({ expected, actual }) =>
    columns.map((_, i) => {
      if (expected === null || actual === null) return cellText((expected ?? actual)![i]!);
      const [before, after] = [cellText(expected[i]!), cellText(actual[i]!)];
      return expected[i] === actual[i] ? before : `${before} → ${after}`;
    })
  );
  const widths = columns.map((name, i) =>
    Math.max(displayWidth(name), ...cells.map((row) => displayWidth(row[i]!)))
  );
  const line = (row: readonly string[]) => row.map((cell, i) => pad(cell, widths[i]!)).join("  ");
  const paint = (sign: string) =>
    sign === "~" ? style.yellow : sign === "-" ? style.red : style.green;
  const words = { "~": "changed: expected → got", "-": "missing", "+": "not expected" };
  const left = changed.length + missing.length + extra.length - shown.length;
  return [
    style.dim(`  ${line(columns)}`),
    ...shown.map(({ sign }, i) =>
      paint(sign)(`${sign} ${line(cells[i]!)}`.trimEnd()) +
      (i === 0 || shown[i - 1]!.sign !== sign
        ? `   ${style.dim(words[sign as keyof typeof words])}`
        : "")
    ),
    ...(left > 0 ? [style.dim(`  and ${plural(left, "more row")}`)] : []),
    style.dim(`  ${plural(diff.expected, "row")} expected, ${diff.actual} returned`),
  ];
}

function cellText(cell: TestCell): string {
  if (cell === null) return "NULL";
  const text = cell === "" ? "''" : cell.replace(/\s*\n\s*/g, " ");
  return text.length > CELL_WIDTH ? `${text.slice(0, CELL_WIDTH - 1)}…` : text;
}

/** Tests as JUnit XML, which CI servers show. */
export function junitXml({ results }: TestReport): string {
  const of = (...status: TestResult["status"][]) =>
    results.filter((result) => status.includes(result.status)).length;
  const seconds = (ms: number) => (ms / 1000).toFixed(4);
  const total = seconds(results.reduce((sum, { duration_ms }) => sum + duration_ms, 0));
  const counts = `tests="${results.length}" failures="${of("failed")}" errors="${
    of("error")
  }" skipped="${of("skipped")}" time="${total}"`;
  const cases = results.map((result) => {
    const { name, file, line, duration_ms, status, message } = result;
    const head = `    <testcase name="${xml(name)}" classname="${
      xml(file.replace(/\.\w+$/, "").replaceAll("/", "."))
    }" file="${xml(file)}" line="${line}" time="${seconds(duration_ms)}"`;
    const body = result.diff === null ? "" : diffLines(result.diff, PLAIN).join("\n");
    const text = xml([message ?? "", body].filter(Boolean).join("\n"));
    const first = xml((message ?? "").split("\n")[0]!);
    switch (status) {
      case "passed":
        return `${head}/>`;
      case "warned":
        return `${head}>\n      <system-out>${text}</system-out>\n    </testcase>`;
      case "skipped":
        return `${head}>\n      <skipped message="${first}"/>\n    </testcase>`;
      default: {
        const tag = status === "failed" ? "failure" : "error";
        return `${head}>\n      <${tag} message="${first}">${text}</${tag}>\n    </testcase>`;
      }
    }
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="seeknal" ${counts}>
  <testsuite name="seeknal" ${counts}>
${cases.join("\n")}
  </testsuite>
</testsuites>
`;
}

const same = (text: string) => text;
const PLAIN: Style = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same };

/** XML 1.0 has no way to write most control characters. */
function xml(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, "\ufffd").replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
