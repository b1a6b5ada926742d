import type { NodeSpec } from "../model/node.ts";
import type { NodeKind } from "./node_kind.ts";
import { MODEL } from "./model.ts";
import { isScriptNode, scriptNode } from "./script_node.ts";
import { AGGREGATION } from "./aggregation.ts";
import { FEATURE_GROUP } from "./feature_group.ts";
import { PROFILE } from "./profile.ts";
import { RULE } from "./rule.ts";
import { SECOND_ORDER_AGGREGATION } from "./second_order_aggregation.ts";
import { SEED } from "./seed.ts";
import { TRAINING_SET } from "./training_set.ts";
import { EXPOSURE } from "./exposure.ts";
import { METRIC } from "./metric.ts";
import { SEMANTIC_MODEL } from "./semantic_model.ts";
import { SOURCE } from "./source.ts";
import { TRANSFORM } from "./transform.ts";

/** Every kind of node, in the order in which help shows them. */
export const NODE_KINDS: readonly NodeKind[] = [
  SOURCE as unknown as NodeKind,
  SEED as unknown as NodeKind,
  TRANSFORM as unknown as NodeKind,
  FEATURE_GROUP as unknown as NodeKind,
  TRAINING_SET as unknown as NodeKind,
  AGGREGATION as unknown as NodeKind,
  SECOND_ORDER_AGGREGATION as unknown as NodeKind,
  PROFILE as unknown as NodeKind,
  RULE as unknown as NodeKind,
  MODEL as unknown as NodeKind,
  SEMANTIC_MODEL as unknown as NodeKind,
  METRIC as unknown as NodeKind,
  EXPOSURE as unknown as NodeKind,
];

/** The node kind of that name, or null. */
export function findNodeKind(kind: string): NodeKind | null {
  return NODE_KINDS.find((entry) => entry.kind === kind) ?? null;
}

/** What is done with a node: as its kind says, or with the script that makes its rows. */
export function kindOf(spec: NodeSpec): NodeKind {
  if (!isScriptNode(spec)) return findNodeKind(spec.kind)!;
  return scriptNode as unknown as NodeKind;
}
