import { type Age, AGE_HINT, AGE_PATTERN, parseAge } from "../base/age.ts";
import { compactJson } from "../base/canonical_json.ts";
import { type FieldReader, isMapping, type Report } from "../base/field_reader.ts";
import type { NodeId } from "../model/ids.ts";
import type { NodeCommon } from "../model/node.ts";
import type { OutputColumn } from "../shape/query_shape.ts";
import { featureColumns, type FeatureGroupFields, isFeatureGroup } from "./feature_group.ts";
import { areComparable, ColumnFinder, unwrapRef } from "./input_columns.ts";
import type { LoadedNode, NodeKind, ResolvedNode, SourceData } from "./node_kind.ts";
import { describeQueries, queryJob, resolveMade } from "./sql_node.ts";
import { type FeatureLookup, pointInTimeSql } from "./training_set_sql.ts";

/** Features to look up, as their author wrote them. */
export interface LookupSpec {
  readonly ref: NodeId;
  /** Empty: all features of the group. */
  readonly columns: readonly string[];
  readonly max_age: Age | null;
  /** Column of the spine for a join key of another name. */
  readonly join_keys: Readonly<Record<string, string>>;
  /** What output names begin with; null: nothing, unless two would be the same. */
  readonly prefix: string | null;
}

/** Rows with the features that were known of them at their time. */
export interface TrainingSetSpec extends NodeCommon {
  readonly kind: "training_set";
  readonly spine: { readonly ref: NodeId; readonly event_time: string };
  readonly features: readonly LookupSpec[];
}

/** Every row of a spine with the features that were known at its time: no row is lost, none is made, nothing of later is seen. */
export const TRAINING_SET: NodeKind<TrainingSetSpec> = {
  kind: "training_set",
  summary: "Every row of a spine with the features that were known at its time",
  hasRows: true,
  sqlField: null,
  takesScript: false,
  makesSql: true,
  schema: {
    properties: {
      spine: {
        type: "object",
        properties: {
          ref: { type: "string", description: "The node whose rows are kept" },
          event_time: {
            type: "string",
            description: "Column with the time as of which a row is seen",
          },
        },
        required: ["ref", "event_time"],
        additionalProperties: false,
      },
      features: {
        type: "array",
        minItems: 1,
        items: {
          type: "object",
          properties: {
            ref: { type: "string", description: "A feature group" },
            columns: {
              type: "array",
              items: { type: "string" },
              description: "Absent: all features",
            },
            max_age: { type: "string", pattern: AGE_PATTERN },
            join_keys: {
              type: "object",
              description: "Column of the spine for a join key of another name",
              additionalProperties: { type: "string" },
            },
            prefix: { type: "string", description: "What the names of its columns begin with" },
          },
          required: ["ref"],
          additionalProperties: false,
        },
      },
    },
    required: ["spine", "features"],
  },
  parse,
  resolve,
  describe: describeQueries,
  inputPath: ({ spine, features }, input) =>
    spine.ref === input
      ? ["spine", "ref"]
      : ["features", features.findIndex(({ ref }) => ref === input), "ref"],
  config: ({ spine, features }) => ({
    spine,
    features: compactJson(
      features.map((lookup) => ({ ...lookup, max_age: lookup.max_age?.text ?? null })),
    ),
  }),
  job: (node, _spec, sql, context) => queryJob(node, sql, context),
};

function parse(reader: FieldReader, common: NodeCommon): TrainingSetSpec | null {
  const inner = reader.child(reader.mapping("spine"), ["spine"]);
  const ref = inner.requiredText("ref", "transform.labels");
  const eventTime = inner.requiredText("event_time", "label_date");
  inner.rejectUnknown("a spine");
  const features = reader.list("features").flatMap((value, i) => readLookup(reader, value, i));
  if (features.length === 0) {
    reader.problem(
      reader.has("features") ? ["features"] : [],
      "missing_field",
      "A training_set needs at least one feature group",
      "write features: [{ref: feature_group.name}]",
    );
  }
  if (ref === null || eventTime === null || features.length === 0) return null;
  const spine = { ref: unwrapRef(ref), event_time: eventTime };
  if (common.inputs.length > 0) {
    reader.problem(
      ["inputs"],
      "training_set_inputs",
      "A training_set reads its spine and its feature groups",
      "name them under spine and features only",
    );
  }
  const inputs = [...new Set([spine.ref, ...features.map((lookup) => lookup.ref)])];
  return { ...common, inputs, kind: "training_set", spine, features };
}

function readLookup(reader: FieldReader, value: unknown, i: number): LookupSpec[] {
  const path = ["features", i];
  if (!isMapping(value)) {
    reader.problem(path, "wrong_type", "Features are written - ref: feature_group.name");
    return [];
  }
  const inner = reader.child(value, path);
  const ref = inner.requiredText("ref", "feature_group.name");
  const age = inner.optionalText("max_age");
  const maxAge = age === null ? null : parseAge(age);
  if (age !== null && maxAge === null) {
    inner.problem(["max_age"], "invalid_age", `"${age}" is not an age`, AGE_HINT);
  }
  const keys: Record<string, string> = {};
  for (const [key, column] of Object.entries(inner.mapping("join_keys"))) {
    if (typeof column === "string") keys[key] = column;
    else {inner.problem(
        ["join_keys", key],
        "wrong_type",
        `"${key}" must name a column of the spine`,
      );}
  }
  const lookup = {
    columns: inner.texts("columns"),
    max_age: maxAge,
    join_keys: keys,
    prefix: inner.optionalText("prefix"),
  };
  inner.rejectUnknown("the features of a training_set");
  return ref === null ? [] : [{ ref: unwrapRef(ref), ...lookup }];
}

function resolve(
  node: LoadedNode<TrainingSetSpec>,
  data: SourceData,
  report: Report,
): ResolvedNode<TrainingSetSpec> | null {
  const { spine, features } = node.spec;
  const spineColumns = data.columns(spine.ref);
  if (spineColumns === null) return null;
  const finder = new ColumnFinder(node, spine.ref, spineColumns, report);
  let isSound = finder.findTime(spine.event_time, ["spine", "event_time"]) !== null;
  const found = features.flatMap((lookup, i) => {
    const lookedUp = lookUp(node, i, { data, finder, report });
    if (lookedUp === null) isSound = false;
    return lookedUp === null ? [] : [{ ...lookedUp, spec: lookup }];
  });
  if (!isSound) return null;
  const lookups = nameColumns(found, spineColumns, finder);
  if (lookups === null) return null;
  const sql = pointInTimeSql({ spine: spine.ref, event_time: spine.event_time, lookups });
  return resolveMade(node, sql, "features");
}

type Unnamed = Omit<FeatureLookup, "columns"> & { readonly columns: readonly string[] };

/** What is looked up in one feature group; null after reporting why it cannot be. */
function lookUp(
  node: LoadedNode<TrainingSetSpec>,
  i: number,
  { data, finder, report }: {
    readonly data: SourceData;
    readonly finder: ColumnFinder;
    readonly report: Report;
  },
): Unnamed | null {
  const { ref, columns: wanted, max_age, join_keys } = node.spec.features[i]!;
  const group = data.spec(ref);
  const columns = data.columns(ref);
  if (group !== null && !isFeatureGroup(group)) {
    const hint = "read a feature_group, which says what its join keys and its event time are";
    finder.problem(["features", i, "ref"], "no_feature_group", `${ref} is no feature_group`, hint);
    return null;
  }
  if (group === null || columns === null) return null;
  const own = new ColumnFinder(node, ref, columns, report);
  const keys = findKeys(group, join_keys, i, { finder, own });
  const taken = wanted.map((name) => own.find(name, ["features", i, "columns"])?.name ?? null);
  const eventTime = own.findTime(group.event_time_col, ["features", i, "ref"]);
  const names = wanted.length === 0 ? featureColumns(group, columns) : taken;
  if (keys === null || eventTime === null || names.includes(null)) return null;
  return {
    feature_group: ref,
    event_time: eventTime.name,
    keys,
    columns: names.flatMap((name) => name ?? []),
    max_age,
  };
}

function findKeys(
  { id, entity }: FeatureGroupFields,
  renamed: LookupSpec["join_keys"],
  i: number,
  { finder, own }: { readonly finder: ColumnFinder; readonly own: ColumnFinder },
): FeatureLookup["keys"] | null {
  const path = ["features", i, "join_keys"];
  const strange = Object.keys(renamed).filter((key) => !entity.join_keys.includes(key));
  for (const key of strange) {
    const hint = `its join keys are: ${entity.join_keys.join(", ")}`;
    finder.problem([...path, key], "unknown_join_key", `${id} has no join key "${key}"`, hint);
  }
  const keys = entity.join_keys.map((key) => {
    const spine = finder.find(renamed[key] ?? key, [...path, key]);
    const feature = own.find(key, ["features", i, "ref"]);
    if (spine === null || feature === null) return null;
    if (areComparable(spine.type, feature.type)) {
      return { spine: spine.name, feature: feature.name };
    }
    finder.problem(
      [...path, key],
      "join_key_types_differ",
      `join key "${key}" is ${feature.type} in ${id}, and ${spine.type} in the spine`,
      "cast one of the two in the node that makes it",
    );
    return null;
  });
  return strange.length > 0 || keys.includes(null) ? null : keys.flatMap((key) => key ?? []);
}

/**
 * Names of output columns: with their prefix; without one their own, or `group__column` where the spine or another group
 * has one of that name as well. Null after reporting that two are still the same.
 */
function nameColumns(
  found: readonly (Unnamed & { readonly spec: LookupSpec })[],
  spineColumns: readonly OutputColumn[],
  finder: ColumnFinder,
): FeatureLookup[] | null {
  const lower = (name: string) => name.toLowerCase();
  const counts = new Map(spineColumns.map(({ name }) => [lower(name), 1]));
  for (const { spec, columns } of found) {
    for (const name of columns) {
      const key = lower(`${spec.prefix ?? ""}${name}`);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const taken = new Set(spineColumns.map(({ name }) => lower(name)));
  let isSound = true;
  const lookups = found.map(({ spec, columns, ...lookup }, i) => ({
    ...lookup,
    columns: columns.map((column) => {
      const plain = `${spec.prefix ?? ""}${column}`;
      const group = spec.ref.slice(spec.ref.indexOf(".") + 1);
      const isShared = spec.prefix === null && counts.get(lower(plain))! > 1;
      const as = isShared ? `${group}__${column}` : plain;
      if (taken.has(lower(as))) {
        isSound = false;
        finder.problem(
          ["features", i],
          "duplicate_column",
          `two columns would be called "${as}"`,
          "give one of the feature groups a prefix of its own: prefix: other_",
        );
      }
      taken.add(lower(as));
      return { column, as };
    }),
  }));
  return isSound ? lookups : null;
}
