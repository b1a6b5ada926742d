import { dirname, join, posix } from "node:path";
import { SourceTextModule } from "node:vm";
import { readTextIfExists } from "../base/atomic_write.ts";
import type { Report } from "../base/field_reader.ts";
import { resolveInside } from "../base/project_path.ts";
import { CodeSyntaxError, stripTypes } from "../base/strip_types.ts";
import type { ScriptSpec } from "../model/node.ts";

/** The package that scripts may import by name: it is there already. */
const PACKAGES: readonly string[] = ["apache-arrow"];

/**
 * Finds the files of the project that a TypeScript script imports, so that they are part of what the
 * node is made from. Parses the code and runs none of it. Null after reporting what is wrong with it.
 *
 * Python is left as it is: only Python itself can tell what it imports.
 */
export function withModules(
  script: ScriptSpec,
  root: string,
  report: Report,
): ScriptSpec | null {
  if (script.language !== "typescript") return script;
  const modules: Record<string, string> = {};
  const visit = (file: string, code: string, line: number): boolean => {
    const found = importsOf(file, code, line, report);
    if (found === null) return false;
    // Not `every`: all problems are reported.
    return found.map((specifier) => {
      const fail = (message: string, hint: string) => {
        const place = { file, line: line + lineOf(code, specifier), column: 1 };
        report({ severity: "error", code: "script_import", message, ...place, hint });
        return false;
      };
      if (PACKAGES.includes(specifier)) return true;
      if (!/^\.\.?\//.test(specifier)) {
        return fail(
          `${file} imports "${specifier}", which a script cannot`,
          'import files of the project by a relative path ("./rates.ts") and "apache-arrow"; what needs packages is written in Python',
        );
      }
      const path = posix.normalize(posix.join(posix.dirname(file), specifier));
      if (path === script.file || Object.hasOwn(modules, path)) return true;
      const absolute = resolveInside(root, path);
      const text = absolute === null || !/\.(ts|js)$/.test(path)
        ? null
        : readTextIfExists(join(dirname(absolute), posix.basename(path)));
      if (text === null) {
        const why = absolute === null
          ? "leads out of the project"
          : /\.(ts|js)$/.test(path)
          ? "does not exist"
          : "is no .ts or .js file";
        return fail(`${file} imports "${specifier}", which ${why}`, `it would be ${path}`);
      }
      modules[path] = text;
      return visit(path, text, 1);
    }).every((isGood) => isGood);
  };
  return visit(script.file, script.code, script.line) ? { ...script, modules } : null;
}

/** What a module imports as it is written; null after reporting that it cannot be parsed. */
function importsOf(
  file: string,
  code: string,
  firstLine: number,
  report: Report,
): string[] | null {
  try {
    return [
      ...new SourceTextModule(stripTypes(code), { identifier: file }).dependencySpecifiers,
    ];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const [line, column] = error instanceof CodeSyntaxError
      ? [error.line, error.column]
      : placeIn(error, file);
    const place = { file, line: firstLine - 1 + line, column };
    const hint = "correct the code: a script is one ES module";
    report({ severity: "error", code: "script_syntax", message: error.message, ...place, hint });
    return null;
  }
}

function placeIn(error: Error, file: string): [number, number] {
  const [, line = "1", column = "1"] = new RegExp(`${RegExp.escape(file)}:(\\d+)(?::(\\d+))?`)
    .exec(error.stack ?? "") ?? [];
  return [Number(line), Number(column)];
}

/** Lines above the one that imports something. */
function lineOf(code: string, specifier: string): number {
  const lines = code.split("\n");
  const at = lines.findIndex((line) =>
    /\b(import|from)\b|^\s*\}/.test(line) &&
    (line.includes(`"${specifier}"`) || line.includes(`'${specifier}'`))
  );
  return Math.max(0, at);
}
