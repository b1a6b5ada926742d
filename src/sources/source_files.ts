import { globSync } from "node:fs";
import { join } from "node:path";
import { statIfExists } from "../base/atomic_write.ts";
import { compareText } from "../base/diagnostic.ts";
import { projectRelative, resolveInside } from "../base/project_path.ts";

/** Files that a source's `table` names, or why they cannot be read. */
export type SourceFiles =
  | { readonly files: readonly string[]; readonly problem: null }
  | { readonly files: null; readonly problem: { readonly message: string; readonly hint: string } };

/** True where a source's `table` may name another number of files tomorrow: a pattern or a folder. */
export function namesManyFiles(root: string, table: string): boolean {
  return isPattern(table) || statIfExists(join(root, table))?.isDirectory === true;
}

function isPattern(table: string): boolean {
  return /[*?[{]/.test(table);
}

/**
 * Expands a project-relative path, glob or folder to existing files, sorted. Of a folder these are all files
 * below it, however deep, whose name ends as the type's files do; names that begin with a dot or an
 * underscore are left out, as every engine does.
 * A path that leads out of the project, also through a symbolic link, is refused.
 */
export function findSourceFiles(
  root: string,
  table: string,
  extensions: readonly string[],
): SourceFiles {
  const problem = tableProblem(table);
  if (problem !== null) return problem;
  const isGlob = isPattern(table);
  if (!isGlob && resolveInside(root, table) === null) return outside(table);
  if (isGlob && (table.startsWith("/") || table.split(/[\\/]/).includes(".."))) {
    return outside(table);
  }
  const isFolder = !isGlob && statIfExists(join(root, table))?.isDirectory === true;
  const paths = isGlob
    ? globSync(table, { cwd: root })
    : isFolder
    ? filesBelow(root, table, extensions)
    : [table];
  const files = paths.filter((path) => statIfExists(join(root, path))?.isFile === true)
    .map((file) => projectRelative(root, join(root, file)))
    // What Seeknal writes is not data: a glob over everything would read its own outputs.
    .filter((file) => !(isGlob || isFolder) || !file.startsWith("target/"));
  for (const file of files) {
    if (resolveInside(root, file) === null) return outside(file);
    if (PATTERN_REGEXP.test(file)) return patternName(file);
  }
  if (files.length === 0 && isFolder) return emptyFolder(table, extensions);
  if (files.length === 0) return missing(root, table, isGlob);
  return { files: [...new Set(files)].sort(compareText), problem: null };
}

/** Paths below a folder, relative to `root`. Links to folders are not followed: they may lead in a circle. */
function filesBelow(root: string, folder: string, extensions: readonly string[]): string[] {
  const found: string[] = [];
  const visit = (path: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(join(root, path))) {
      if (/^[._]/.test(name)) continue;
      const inside = join(path, name);
      if (isDirectory) visit(inside);
      else if (extensions.some((end) => name.toLowerCase().endsWith(end))) found.push(inside);
    }
  };
  visit(folder);
  return found;
}

function emptyFolder(table: string, extensions: readonly string[]): SourceFiles {
  return {
    files: null,
    problem: {
      message: `Folder "${table}" holds no file of this type`,
      hint: `its files end in ${extensions.join(", ")}; for other names write a pattern: ${
        table.replace(/\/+$/, "")
      }/*.txt`,
    },
  };
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
