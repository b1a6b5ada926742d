import { join } from "node:path";
import { readTextIfExists } from "../base/atomic_write.ts";
import { isMapping, isScalar, type Report, type Scalar } from "../base/field_reader.ts";
import { parseYaml } from "./yaml_document.ts";

/** What is in the files of `seeknal/common/`, by the names under which SQL uses it. */
export type CommonSnippets = Readonly<Record<string, Scalar>>;

/** Folder of shared snippets. */
export const COMMON_DIR = "seeknal/common";

/** A file of snippets. */
export interface SnippetFile {
  /** Without its ending. */
  readonly name: "sources" | "rules" | "transformations";
  /** Kind of a draft that becomes one of its snippets. */
  readonly kind: string;
  readonly summary: string;
  /** Field that holds the list. */
  readonly list: string;
  /** What names in SQL begin with. */
  readonly prefix: string;
  /** Field of a snippet that is its value. */
  readonly value: string;
  /** How SQL names it. */
  readonly use: string;
}

/** Every file of snippets. */
export const SNIPPET_FILES: readonly SnippetFile[] = [
  {
    name: "sources",
    kind: "common-source",
    summary: "Names of nodes and their columns, shared by queries",
    list: "sources",
    prefix: "",
    value: "ref",
    use: "{{ id.ref }}",
  },
  {
    name: "rules",
    kind: "common-rule",
    summary: "Conditions, shared by queries",
    list: "rules",
    prefix: "rules.",
    value: "value",
    use: "{{ rules.id }}",
  },
  {
    name: "transformations",
    kind: "common-transformation",
    summary: "Pieces of SQL, shared by queries",
    list: "transformations",
    prefix: "transforms.",
    value: "sql",
    use: "{{ transforms.id }}",
  },
];

/**
 * Reads `seeknal/common/{sources,rules,transformations}.yml`: `{{ orders.ref }}` and
 * `{{ orders.dateCol }}` of a source, `{{ rules.not_empty }}`, `{{ transforms.dedup }}`.
 */
export function loadSnippets(
  root: string,
  report: Report,
  overlay: ReadonlyMap<string, string> = new Map(),
): CommonSnippets {
  const found: Record<string, Scalar> = {};
  for (const { name, list, prefix, value } of SNIPPET_FILES) {
    for (const end of ["yml", "yaml"]) {
      const file = `${COMMON_DIR}/${name}.${end}`;
      const text = overlay.get(file) ?? readTextIfExists(join(root, file));
      if (text === null) continue;
      const { documents, problem } = parseYaml(file, text);
      if (problem !== null) {
        report(problem);
        continue;
      }
      for (const document of documents) {
        const items = isMapping(document.value) ? document.value[list] : undefined;
        const wrong = (path: (string | number)[], message: string, hint: string) =>
          report({
            severity: "error",
            code: "invalid_snippet",
            message,
            ...document.locate(path),
            hint,
          });
        if (!Array.isArray(items)) {
          wrong([], `"${list}" is missing or no list`, `write ${list}: [{id: …, ${value}: …}]`);
          continue;
        }
        items.forEach((item: unknown, i) => {
          if (!isMapping(item) || typeof item["id"] !== "string") {
            wrong([list, i], "A snippet is a mapping with an id", `write - id: my_name`);
            return;
          }
          const main = item[value];
          if (!isScalar(main) || main === null) {
            wrong([list, i], `Snippet "${item["id"]}" has no ${value}`, `write ${value}: …`);
            return;
          }
          const id = `${prefix}${item["id"]}`;
          found[prefix === "" ? `${id}.${value}` : id] = main;
          const params = isMapping(item["params"]) ? item["params"] : {};
          for (const [key, entry] of Object.entries(params)) {
            if (isScalar(entry)) found[`${id}.${key}`] = entry;
            else {
              wrong([list, i, "params", key], `"${key}" must be a single value`, "write a text");
            }
          }
        });
      }
    }
  }
  return found;
}
