import { globSync } from "node:fs";
import { join } from "node:path";
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
  const isGlob = /[*?[{]/.test(table);
  if (!isGlob && resolveInside(root, table) === null) return outside(table);
  if (isGlob && (table.startsWith("/") || table.split(/[\\/]/).includes(".."))) {
    return outside(table);
  }
  const paths = isGlob ? globSync(table, { cwd: root }) : [table];
  const files = paths.filter((path) => isFile(join(root, path)));
  for (const file of files) if (resolveInside(root, file) === null) return outside(file);
  if (files.length === 0) return missing(root, table, isGlob);
  return {
    files: files.map((file) => projectRelative(root, join(root, file))).sort(compareText),
    problem: null,
  };
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
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
