import type { DraftTemplate } from "./draft_template.ts";
import { EXPOSURE_DRAFT, METRIC_DRAFT, SEMANTIC_MODEL_DRAFT } from "./semantic_drafts.ts";
import {
  COMMON_RULE_DRAFT,
  COMMON_SOURCE_DRAFT,
  COMMON_TRANSFORMATION_DRAFT,
} from "./snippet_drafts.ts";
import {
  AGGREGATION_DRAFT,
  FEATURE_GROUP_DRAFT,
  SECOND_ORDER_AGGREGATION_DRAFT,
  TRAINING_SET_DRAFT,
} from "./feature_drafts.ts";
import { MODEL_DRAFT } from "./model_drafts.ts";
import { PROFILE_DRAFT, RULE_DRAFT } from "./quality_drafts.ts";
import { SEED_DRAFT, SOURCE_DRAFT } from "./source_drafts.ts";
import { TEST_DRAFT } from "./test_drafts.ts";
import { TRANSFORM_DRAFT } from "./transform_drafts.ts";

/** How a draft of each kind begins, in the order in which help shows them. */
export const DRAFT_TEMPLATES: readonly DraftTemplate[] = [
  SOURCE_DRAFT,
  SEED_DRAFT,
  TRANSFORM_DRAFT,
  FEATURE_GROUP_DRAFT,
  TRAINING_SET_DRAFT,
  AGGREGATION_DRAFT,
  SECOND_ORDER_AGGREGATION_DRAFT,
  PROFILE_DRAFT,
  RULE_DRAFT,
  MODEL_DRAFT,
  SEMANTIC_MODEL_DRAFT,
  METRIC_DRAFT,
  EXPOSURE_DRAFT,
  TEST_DRAFT,
  COMMON_SOURCE_DRAFT,
  COMMON_RULE_DRAFT,
  COMMON_TRANSFORMATION_DRAFT,
];

/** Other words for kinds. */
const ALIASES: Readonly<Record<string, string>> = {
  "common-transform": "common-transformation",
};

/** The template of a kind, as it may be typed (`feature-group`, `feature_group`); null where there is none. */
export function findDraftTemplate(typed: string): DraftTemplate | null {
  const same = (word: string) => word.toLowerCase().replaceAll("_", "-");
  const wanted = ALIASES[same(typed)] ?? same(typed);
  return DRAFT_TEMPLATES.find(({ kind }) => same(kind) === wanted) ?? null;
}
