import { type CodeDraft, type DraftContext, head, inputsOf } from "./draft_template.ts";

/** A node whose rows a function makes. */
export function scriptDraft(
  kind: string,
  language: "typescript" | "python",
  context: DraftContext,
): CodeDraft {
  const id = context.input?.id ?? null;
  return { fields: `${head(kind, context)}${inputsOf(id)}`, code: language };
}
