import { join } from "node:path";
import { readTextIfExists } from "../../base/atomic_write.ts";
import type { Diagnostic } from "../../base/diagnostic.ts";
import type { Style } from "../terminal.ts";

/** Problems with the place, the line they are on, a finger under it, and what to write. */
export function diagnosticsView(
  diagnostics: readonly Diagnostic[],
  root: string,
  style: Style,
): string {
  const lines = new Map<string, string[]>();
  const readLines = (file: string) => {
    let known = lines.get(file);
    if (known === undefined) {
      known = (safeRead(join(root, file)) ?? "").split("\n");
      lines.set(file, known);
    }
    return known;
  };
  return diagnostics.map((diagnostic) => one(diagnostic, readLines, style)).join("\n");
}

function safeRead(path: string): string | null {
  try {
    return readTextIfExists(path);
  } catch {
    // A place that cannot be shown (a folder, say) is still named.
    return null;
  }
}

function one(diagnostic: Diagnostic, readLines: (file: string) => string[], style: Style): string {
  const { severity, file, line, column, message, cause, hint } = diagnostic;
  const label = severity === "error" ? style.red("error:") : style.yellow("warning:");
  const place = file === undefined
    ? ""
    : [file, line, column].filter((x) => x !== undefined).join(":");
  const head = place === "" ? `${label} ${message}` : `${style.bold(place)} ${label} ${message}`;
  const result = [head.replaceAll("\n", "\n  ")];
  const source = file === undefined || line === undefined ? undefined : readLines(file)[line - 1];
  if (source !== undefined && source.trim() !== "") {
    const number = String(line).padStart(5);
    const shown = source.replaceAll("\t", " ").trimEnd();
    result.push(style.dim(`${number} | `) + shown);
    if (column !== undefined && column <= shown.length + 1) {
      result.push(style.dim("      | ") + " ".repeat(column - 1) + style.red("^"));
    }
  }
  if (cause !== undefined) result.push(`  ${style.cyan("because:")} ${cause}`);
  if (hint !== undefined) {
    result.push(`  ${style.cyan("hint:")} ${hint.replaceAll("\n", "\n    ")}`);
  }
  return result.join("\n") + "\n";
}
