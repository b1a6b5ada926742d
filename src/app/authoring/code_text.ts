import type { CodeDraft, DraftLanguage } from "./draft_template.ts";

const MARKS = { sql: "--", typescript: "//", python: "#" } as const;

/** A file of code: the node's fields as YAML in a comment, then the code. */
export function codeText(
  language: Exclude<DraftLanguage, "yaml">,
  { fields, code }: CodeDraft,
): string {
  const mark = MARKS[language];
  const lines = fields.trimEnd().split("\n").map((line) => `${mark} ${line}`.trimEnd());
  return [`${mark} /// seeknal`, ...lines, `${mark} ///`, code].join("\n");
}
