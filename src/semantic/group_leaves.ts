import type { SemanticCatalog } from "./catalog.ts";
import type { TimeSpan } from "./definition.ts";
import { spanWords } from "./grain.ts";
import type { LeafGroup } from "./leaf_sql.ts";
import type { Leaf } from "./metric_tree.ts";
import { resolveDimension } from "./resolve_dimension.ts";

/** A relation of sums as the answer looks at it: as it is, or some time earlier. */
export interface View {
  readonly group: LeafGroup;
  readonly offsets: readonly TimeSpan[];
  readonly alias: string;
}

/** Leaves by what can be added up together, and the views in which the answer finds each of them. */
export interface GroupedLeaves {
  readonly groups: readonly LeafGroup[];
  readonly views: readonly View[];
  viewOf(leaf: Leaf): View;
}

/** Groups leaves: those of one model, over the same rows and windows, are added up in one go. */
export function groupLeaves(
  catalog: SemanticCatalog,
  leaves: readonly Leaf[],
  { dimensions, filters, taken }: {
    readonly dimensions: readonly string[];
    /** Conditions that are asked for besides the metrics' own. */
    readonly filters: readonly string[];
    /** Names that relations must not have. */
    readonly taken: ReadonlySet<string>;
  },
): GroupedLeaves {
  const names = new Set(taken);
  const groups = [...Map.groupBy(leaves, groupKey)].map(([key, own]): LeafGroup => {
    const { model, window } = own[0]!;
    return {
      name: freeName(`${model.name}_${window === null ? "totals" : "so_far"}`, names),
      key,
      model,
      measures: [...new Map(own.map(({ measure }) => [measure.name, measure])).values()],
      filters: [...new Set([...own[0]!.filters, ...filters])],
      window,
      dimensions: dimensions.map((typed) => resolveDimension(catalog, model, typed)),
    };
  });
  const byKey = new Map(groups.map((group) => [group.key, group]));
  const views = new Map<string, View>();
  for (const leaf of leaves) {
    if (views.has(viewKey(leaf))) continue;
    const group = byKey.get(groupKey(leaf))!;
    views.set(viewKey(leaf), {
      group,
      offsets: leaf.offsets,
      alias: leaf.offsets.length === 0
        ? group.name
        : freeName(`${group.name}_${earlierWords(leaf.offsets)}`, names),
    });
  }
  return { groups, views: [...views.values()], viewOf: (leaf) => views.get(viewKey(leaf))! };
}

function groupKey({ model, filters, window }: Leaf): string {
  return JSON.stringify([
    model.name,
    filters,
    window === null ? null : [window.grain_to_date, window.window],
  ]);
}

function viewKey(leaf: Leaf): string {
  return `${groupKey(leaf)} ${JSON.stringify(leaf.offsets)}`;
}

function earlierWords(offsets: readonly TimeSpan[]): string {
  const words = offsets.map((span) => spanWords(span).replace(" ", "_"));
  return `${words.join("_and_")}_earlier`;
}

function freeName(name: string, taken: Set<string>): string {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}_${n}`;
  taken.add(free);
  return free;
}
