import { UserError } from "../base/user_error.ts";

/** A file, as messages show it, with the names of its columns. */
export interface FileColumns {
  readonly file: string;
  readonly columns: readonly string[];
}

/**
 * What sets the columns of the first file that differs apart from those of the first one, in words; null where all
 * have the same names. Their order does not matter.
 */
export function differingColumns(files: readonly FileColumns[]): string | null {
  const [first, ...others] = files;
  if (first === undefined) return null;
  const known = new Set(first.columns.map((name) => name.toLowerCase()));
  for (const { file, columns } of others) {
    const own = new Set(columns.map((name) => name.toLowerCase()));
    const more = columns.filter((name) => !known.has(name.toLowerCase()));
    const fewer = first.columns.filter((name) => !own.has(name.toLowerCase()));
    if (more.length + fewer.length === 0) continue;
    const words = [
      ...(fewer.length === 0 ? [] : [`it lacks ${fewer.join(", ")}`]),
      ...(more.length === 0 ? [] : [`it has ${more.join(", ")} besides`]),
    ];
    return `"${file}" has other columns than "${first.file}": ${words.join(", and ")}`;
  }
  return null;
}

/** Throws a `UserError` `differing_columns` (3) for files that do not have the same columns. */
export function checkSameColumns(files: readonly FileColumns[]): void {
  const problem = differingColumns(files);
  if (problem === null) return;
  throw new UserError(problem, {
    code: "differing_columns",
    kind: "validation",
    hint: "read them as two sources, and bring them together in a transform",
  });
}
