import { join } from "node:path";
import { readTextIfExists, writeFileAtomic } from "../base/atomic_write.ts";
import { didYouMean } from "../base/closest.ts";
import { UserError } from "../base/user_error.ts";
import { type FileSchema, fileSchemas } from "../project/file_schemas.ts";

/** Folder below the project in which editors find the schemas. */
export const SCHEMAS_DIR = "target/schemas";

/** All schemas, or the one of a kind of file. Throws `unknown_schema` (2). */
export function findSchemas(typed: string | null): readonly FileSchema[] {
  const all = fileSchemas();
  if (typed === null) return all;
  const wanted = typed.toLowerCase().replaceAll("-", "_").replace(/\.(json|yml)$/, "");
  const found = all.filter(({ name }) => name === wanted);
  if (found.length > 0) return found;
  const names = all.map(({ name }) => name);
  throw new UserError(`There is no schema "${typed}"`, {
    code: "unknown_schema",
    kind: "usage",
    hint: didYouMean(wanted, names) ?? `there is: ${names.join(", ")}`,
  });
}

/** Writes schemas as `<name>.json` into a folder; those that are there already stay untouched. Returns the paths written. */
export function writeSchemas(folder: string, schemas: readonly FileSchema[]): string[] {
  return schemas.flatMap(({ name, schema }) => {
    const path = join(folder, `${name}.json`);
    const text = `${JSON.stringify(schema, null, 2)}\n`;
    if (readTextIfExists(path) === text) return [];
    writeFileAtomic(path, text);
    return [path];
  });
}
