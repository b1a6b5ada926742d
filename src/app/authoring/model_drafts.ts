import type { DraftTemplate } from "./draft_template.ts";
import { modelDraft, modelFields } from "./script_drafts.ts";

/** `draft model` */
export const MODEL_DRAFT: DraftTemplate = {
  kind: "model",
  reads: "rows",
  wants: ["key", "number"],
  yaml: (context) => {
    const path = `seeknal/models/${context.name}.ts`;
    const script = { path, text: modelDraft("typescript", context).code.trimStart() };
    return {
      samples: context.exists(path) ? [] : [script],
      text:
        `# Trains and predicts with a script; metrics and the trained model are kept with the run.
${modelFields(context)}# A .ts or .py file that makes the rows.
script: ${path}

# training:                        # what the function finds in context.training
#   label_column: amount
# tests:                           # bounds of the metrics that it records
#   - max_mean_absolute_error: 100
# tags: [ml]                       # words to select by
`,
    };
  },
};
