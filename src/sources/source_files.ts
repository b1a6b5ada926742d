import { globSync } from "node:fs";
import { join } from "node:path";
import { statIfExists } from "../base/atomic_write.ts";
import { compareText } from "../base/diagnostic.ts";
import { projectRelative, resolveInside } from "../base/project_path.ts";

/** Files that a source's `table` names, or why they cannot be read. */
export type SourceFiles =
  | { readonly files: readonly string[]; readonly problem: null }
  | { readonly files: null; readonly problem: { readonly message: string; readonly hint: string } };

/**
 * Expands a project-relative path or glob to existing files, sorted.
 * A path that leads out of the project, also through a symbolic link, is refused.
 */
export function findSourceFiles(root: string, table: string): SourceFiles {
  const problem = tableProblem(table);
  if (problem !== null) return problem;
  const isGlob = /[*?[{]/.test(table);
  if (!isGlob && resolveInside(root, table) === null) return outside(table);
  if (isGlob && (table.startsWith("/") || table.split(/[\\/]/).includes(".."))) {
    return outside(table);
  }
  const paths = isGlob ? globSync(table, { cwd: root }) : [table];
  const files = paths.filter((path) => statIfExists(join(root, path))?.isFile === true)
    .map((file) => projectRelative(root, join(root, file)))
    // What Seeknal writes is not data: a glob over everything would read its own outputs.
    .filter((file) => !isGlob || !file.startsWith("target/"));
  for (const file of files) {
    if (resolveInside(root, file) === null) return outside(file);
    if (PATTERN_REGEXP.test(file)) return patternName(file);
  }
  if (files.length === 0) return missing(root, table, isGlob);
  return { files: files.sort(compareText), problem: null };
}

/** Characters that DuckDB takes for a pattern in a path, also where they are part of a name. */
const PATTERN_REGEXP = /[*?[\]]/;
const TABLE_LENGTH = 1_000;
/** Each pair of braces multiplies the patterns that are looked for. */
const BRACES = 4;

function tableProblem(table: string): SourceFiles | null {
  if (table.includes("\0") || table.length > TABLE_LENGTH) {
    return {
      files: null,
      problem: {
        message: "The path is not one a file can have",
        hint: "write a path such as data/orders.csv",
      },
    };
  }
  if (table.split("{").length - 1 > BRACES) {
    return {
      files: null,
      problem: {
        message: `The pattern has more than ${BRACES} alternatives in braces`,
        hint: "use * instead",
      },
    };
  }
  return null;
}

function patternName(file: string): SourceFiles {
  return {
    files: null,
    problem: {
      message: `File "${file}" has a name that reads as a pattern`,
      hint: "rename it without * ? [ ]",
    },
  };
}

function outside(path: string): SourceFiles {
  return {
    files: null,
    problem: {
      message: `Path "${path}" leads out of the project`,
      hint: "put the file below the folder of seeknal_project.yml and name it from there",
    },
  };
}

function missing(root: string, table: string, isGlob: boolean): SourceFiles {
  return {
    files: null,
    problem: {
      message: isGlob ? `No file matches "${table}"` : `File "${table}" does not exist`,
      hint: `paths are relative to ${root}`,
    },
  };
}
