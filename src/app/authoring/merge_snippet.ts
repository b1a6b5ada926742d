import { isDeepStrictEqual } from "node:util";
import { isMapping } from "../../base/field_reader.ts";
import { UserError } from "../../base/user_error.ts";
import { parseYaml } from "../../project/yaml_document.ts";
import { indent } from "./draft_template.ts";
import type { SnippetDraft } from "./read_draft.ts";

/**
 * The file of snippets with a draft among them, in the place of the snippet of that id; everything else in it,
 * comments included, stays as it is. Throws `cannot_merge` (3) for a file whose list is not written line by line.
 */
export function mergeSnippet(draft: SnippetDraft, before: string | null): string {
  const { list } = draft.snippet;
  if (before === null || before.trim() === "") return `${list}:\n${itemText(draft, 2)}\n`;
  const { documents } = parseYaml(draft.target, before);
  const document = documents?.[0];
  const value = document?.value;
  const items = isMapping(value) ? value[list] : undefined;
  if (document === undefined || documents!.length !== 1 || !Array.isArray(items)) {
    throw cannotMerge(draft);
  }
  const lines = before.replace(/\n*$/, "").split("\n");
  const places = items.map((_, i) => document.locate([list, i]));
  const item = itemText(draft, Math.max(0, (places[0]?.column ?? 5) - 3)).split("\n");
  const at = items.findIndex((entry) => isMapping(entry) && entry["id"] === draft.id);
  const start = at < 0 ? lines.length : places[at]!.line - 1;
  let end = at < 0 ? lines.length : (places[at + 1]?.line ?? lines.length + 1) - 1;
  // What stands right above the next entry belongs to it.
  while (at >= 0 && end > start + 1 && /^\s*(#|$)/.test(lines[end - 1]!)) end--;
  const text = `${[...lines.slice(0, start), ...item, ...lines.slice(end)].join("\n")}\n`;
  const expected = at < 0 ? [...items, null] : items.with(at, null);
  if (!isMerged(draft, text, { ...value as object, [list]: expected })) throw cannotMerge(draft);
  return text;
}

/** True when the text reads as the file that is expected, with the draft in the place of null. */
function isMerged(
  { snippet: { list }, target, id }: SnippetDraft,
  text: string,
  expected: Readonly<Record<string, unknown>>,
): boolean {
  const value = parseYaml(target, text).documents?.[0]?.value;
  const items = isMapping(value) ? value[list] : undefined;
  if (!isMapping(value) || !Array.isArray(items)) return false;
  const own = items.findIndex((item) => isMapping(item) && item["id"] === id);
  return isDeepStrictEqual({ ...value, [list]: items.with(own, null) }, expected);
}

/** The draft as an item of a list, without its kind and the comments above it. */
function itemText({ text }: SnippetDraft, places: number): string {
  const lines = text.split("\n").filter((line) => !/^kind\s*:|^---/.test(line));
  const start = lines.findIndex((line) => /^[^\s#]/.test(line));
  const own = indent(lines.slice(start).join("\n").trim(), places + 2).trimStart();
  return `${" ".repeat(places)}- ${own}`;
}

function cannotMerge({ target, id }: SnippetDraft): UserError {
  return new UserError(`Cannot put "${id}" into ${target}: its list is not one entry a line`, {
    code: "cannot_merge",
    kind: "validation",
    hint: `write the list in ${target} as "- id: …" lines, or put the entry in by hand`,
  });
}
