import { compactJson } from "../base/canonical_json.ts";
import { AGE_HINT, AGE_PATTERN, parseAge } from "../base/age.ts";
import { type FieldReader, isMapping, type Report } from "../base/field_reader.ts";
import type { NodeId } from "../model/ids.ts";
import type { AuditSpec, NodeCommon, ParamValue, SqlSpec } from "../model/node.ts";
import { findRefs } from "../sql/resolve_query.ts";
import { dtypeProblem } from "./feature_type.ts";
import { areComparable, ColumnFinder, findColumn } from "./input_columns.ts";
import type { CheckedNode, NodeKind } from "./node_kind.ts";
import { describeQueries, queryJob, resolveWritten } from "./sql_node.ts";

/** What features are about, and how its rows are told apart. */
export interface EntitySpec {
  readonly name: string;
  readonly join_keys: readonly string[];
}

/** A feature as its author declared it. */
export interface FeatureSpec {
  readonly name: string;
  readonly dtype: string | null;
  readonly description: string | null;
}

/** The fields of a feature group, whatever makes its rows. */
export interface FeatureGroupFields extends NodeCommon {
  readonly kind: "feature_group";
  readonly entity: EntitySpec;
  /** Empty: every column but the keys and the event time is a feature. */
  readonly features: readonly FeatureSpec[];
  /** Column with the time from which on the values of a row were known. */
  readonly event_time_col: string;
}

/** A feature group whose rows are one SELECT. */
export type FeatureGroupSpec = FeatureGroupFields & SqlSpec;

/** Features of an entity over time: each row holds what was known of one entity from its event time on. */
export const FEATURE_GROUP: NodeKind<FeatureGroupSpec> = {
  kind: "feature_group",
  summary: "Features of an entity over time, for point-in-time correct joins",
  hasRows: true,
  sqlField: "transform",
  takesScript: true,
  ownsMaterialization: true,
  schema: {
    properties: {
      entity: {
        description: "What the features are about; entity: customer has the join key customer_id",
        anyOf: [
          { type: "string" },
          {
            type: "object",
            properties: {
              name: { type: "string" },
              join_keys: { type: "array", items: { type: "string" }, minItems: 1 },
            },
            required: ["name", "join_keys"],
            additionalProperties: false,
          },
        ],
      },
      transform: { type: "string", description: "One SELECT; inputs are ref('kind.name')" },
      params: { type: "object", description: "What {{ name }} stands for in the SQL" },
      features: {
        type: "object",
        description: "What each feature is; absent: every column but the keys and the event time",
        additionalProperties: {
          anyOf: [
            { type: ["string", "null"], description: "Its type" },
            {
              type: "object",
              properties: { dtype: { type: "string" }, description: { type: "string" } },
              additionalProperties: false,
            },
          ],
        },
      },
      materialization: {
        type: "object",
        properties: {
          event_time_col: { type: "string", default: "event_time" },
          offline: {
            type: "object",
            properties: { enabled: { type: "boolean" }, format: { const: "parquet" } },
            additionalProperties: false,
          },
          online: {
            type: "object",
            properties: {
              enabled: { type: "boolean" },
              ttl: { type: "string", pattern: AGE_PATTERN },
            },
            additionalProperties: false,
          },
        },
        additionalProperties: false,
      },
    },
    required: ["entity", "transform"],
  },
  parse,
  parseScripted: readFields,
  resolve: (node, data, report) =>
    resolveWritten(
      node,
      { field: "transform", sql: node.spec.transform, params: node.spec.params },
      data,
      report,
    ),
  describe: describeQueries,
  check: (nodes, report) => {
    for (const node of nodes) checkOutput(node, report);
    checkEntities(nodes, report);
  },
  config: (spec) => ({
    transform: spec.transform,
    params: compactJson(spec.params),
    ...ownConfig(spec),
  }),
  configScripted: (spec) => isFeatureGroup(spec) ? ownConfig(spec) : {},
  job: (node, _spec, sql, context) => queryJob(node, sql, context),
};

/** What the manifest keeps of a feature group besides its query or its script. */
function ownConfig(spec: FeatureGroupFields): Readonly<Record<string, ParamValue>> {
  return {
    entity: spec.entity.name,
    join_keys: spec.entity.join_keys,
    event_time_col: spec.event_time_col,
    features: compactJson(spec.features),
  };
}

/** Columns of a feature group that are features, in output order. */
export function featureColumns(
  { entity, event_time_col, features }: FeatureGroupFields,
  columns: readonly { readonly name: string }[],
): string[] {
  const others = new Set([...entity.join_keys, event_time_col].map((name) => name.toLowerCase()));
  const declared = new Set(features.map(({ name }) => name.toLowerCase()));
  return columns.map(({ name }) => name).filter((name) =>
    !others.has(name.toLowerCase()) && (declared.size === 0 || declared.has(name.toLowerCase()))
  );
}

function parse(reader: FieldReader, common: NodeCommon): FeatureGroupSpec | null {
  const fields = readFields(reader, common);
  const transform = reader.requiredText("transform", "SELECT … FROM ref('transform.name')");
  const params = reader.scalars("params");
  if (fields === null || transform === null) return null;
  const inputs = reader.has("inputs") ? common.inputs : findRefs(transform) as NodeId[];
  return { ...fields, inputs, transform, params };
}

function readFields(reader: FieldReader, common: NodeCommon): FeatureGroupFields | null {
  const entity = readEntity(reader);
  const features = readFeatures(reader);
  const eventTime = readMaterialization(reader);
  const written = common.audits;
  if (entity === null) return null;
  return {
    ...common,
    kind: "feature_group",
    entity,
    features,
    event_time_col: eventTime,
    audits: [...written, ...impliedAudits(entity, eventTime, written)],
  };
}

function readEntity(reader: FieldReader): EntitySpec | null {
  const value = reader.value("entity");
  if (typeof value === "string" && value.trim() !== "") {
    return { name: value, join_keys: [`${value}_id`] };
  }
  if (!isMapping(value)) {
    reader.problem(
      reader.has("entity") ? ["entity"] : [],
      "missing_field",
      `Field "entity" is missing`,
      "write entity: {name: customer, join_keys: [customer_id]}",
    );
    return null;
  }
  const inner = reader.child(value, ["entity"]);
  const name = inner.requiredText("name", "customer");
  const keys = inner.texts("join_keys");
  inner.rejectUnknown("an entity");
  if (name !== null && keys.length === 0) {
    inner.problem(
      [],
      "missing_field",
      `Entity "${name}" has no join keys`,
      `write join_keys: [${name}_id]`,
    );
  }
  return name === null || keys.length === 0 ? null : { name, join_keys: keys };
}

function readFeatures(reader: FieldReader): FeatureSpec[] {
  return Object.entries(reader.mapping("features")).flatMap(([name, value]) => {
    if (value === null) return [{ name, dtype: null, description: null }];
    if (typeof value === "string") return [{ name, dtype: value, description: null }];
    if (!isMapping(value)) {
      reader.problem(["features", name], "wrong_type", `Feature "${name}" needs a type`);
      return [];
    }
    const inner = reader.child(value, ["features", name]);
    const feature = {
      name,
      dtype: inner.optionalText("dtype"),
      description: inner.optionalText("description"),
    };
    inner.rejectUnknown(`feature "${name}"`);
    return [feature];
  });
}

/** The event time; what is said of stores is read so that it is not taken for something else. */
function readMaterialization(reader: FieldReader): string {
  const block = reader.child(reader.mapping("materialization"), ["materialization"]);
  const eventTime = block.optionalText("event_time_col") ?? "event_time";
  const offline = block.child(block.mapping("offline"), ["offline"]);
  if (offline.optionalBoolean("enabled") === false) {
    offline.problem(
      ["enabled"],
      "offline_store",
      "The rows of a feature group are its offline store, and are always kept",
      "leave enabled out",
    );
  }
  const format = offline.optionalText("format") ?? "parquet";
  if (format !== "parquet") {
    offline.problem(["format"], "offline_store", `Rows are kept as Parquet, not as "${format}"`);
  }
  offline.rejectUnknown("an offline store");
  const online = block.child(block.mapping("online"), ["online"]);
  const ttl = online.optionalText("ttl");
  if (ttl !== null && parseAge(ttl) === null) {
    online.problem(["ttl"], "invalid_age", `"${ttl}" is not an age`, AGE_HINT);
  }
  if (online.optionalBoolean("enabled") === true) {
    online.warning(
      ["enabled"],
      "online_store",
      "Seeknal keeps no online store of its own: nothing is written for this",
      "serve the features from a table outside: materializations: [{type: postgresql, …}]",
    );
  }
  online.rejectUnknown("an online store");
  block.rejectUnknown("the materialization of a feature_group", {
    type: "write tables outside under materializations:",
    table: "write tables outside under materializations:",
  });
  return eventTime;
}

/**
 * Two rows of one entity and time contradict each other: it is said, and a training set takes the greatest value of each
 * feature. Not where the author checks it already.
 */
function impliedAudits(
  { join_keys }: EntitySpec,
  eventTime: string,
  written: readonly AuditSpec[],
): AuditSpec[] {
  const columns = [...join_keys, eventTime];
  const key = (names: readonly string[]) => names.map((n) => n.toLowerCase()).sort().join("\n");
  const isWritten = written.some((audit) =>
    audit.type === "unique" && key(audit.columns) === key(columns)
  );
  return isWritten
    ? []
    : [{ type: "unique", severity: "warn", columns, params: { implied: true } }];
}

function checkOutput({ node, columns }: CheckedNode<FeatureGroupFields>, report: Report): void {
  const { entity, event_time_col, features } = node.spec;
  const finder = new ColumnFinder(node, "its output", columns, report);
  for (const key of entity.join_keys) finder.find(key, ["entity", "join_keys"]);
  finder.findTime(event_time_col, ["materialization", "event_time_col"]);
  for (const { name, dtype } of features) {
    const column = finder.find(name, ["features", name]);
    const problem = column === null || dtype === null ? null : dtypeProblem(dtype, column.type);
    if (problem === null) continue;
    finder.problem(
      ["features", name, "dtype"],
      "feature_type_differs",
      `feature "${name}" is declared as ${dtype}, and the query returns ${column!.type}`,
      problem,
    );
  }
}

/** All feature groups of one entity have the same join keys: otherwise they could not be brought together. */
function checkEntities(nodes: readonly CheckedNode<FeatureGroupFields>[], report: Report): void {
  const first = new Map<string, CheckedNode<FeatureGroupFields>>();
  for (const checked of nodes) {
    const { spec } = checked.node;
    const known = first.get(spec.entity.name);
    if (known === undefined) {
      first.set(spec.entity.name, checked);
      continue;
    }
    const difference = keyDifference(known, checked);
    if (difference === null) continue;
    new ColumnFinder(checked.node, "its output", checked.columns, report).problem(
      ["entity"],
      "join_keys_differ",
      `entity "${spec.entity.name}" ${difference}`,
      "use the same columns in both, or give the entity another name",
    );
  }
}

function keyDifference(
  { node: { spec: known }, columns: knownColumns }: CheckedNode<FeatureGroupFields>,
  { node: { spec }, columns }: CheckedNode<FeatureGroupFields>,
): string | null {
  const sorted = (keys: readonly string[]) => keys.map((name) => name.toLowerCase()).sort();
  const [there, here] = [known.entity.join_keys, spec.entity.join_keys];
  if (compactJson(sorted(there)) !== compactJson(sorted(here))) {
    return `has the join keys ${here.join(", ")} here, and ${there.join(", ")} in ${known.id}`;
  }
  for (const key of here) {
    const [a, b] = [findColumn(knownColumns, key), findColumn(columns, key)];
    if (a === undefined || b === undefined || areComparable(a.type, b.type)) continue;
    return `has the join key ${key} as ${b.type} here, and as ${a.type} in ${known.id}`;
  }
  return null;
}

/** True for a node that is a feature group, whether SQL or a script makes its rows. */
export function isFeatureGroup(spec: NodeCommon | null): spec is FeatureGroupFields {
  return spec?.kind === "feature_group" && "entity" in spec;
}

/** The output column that holds the event time. */
export function eventTimeColumn<C extends { readonly name: string }>(
  { event_time_col }: FeatureGroupFields,
  columns: readonly C[],
): C | undefined {
  return findColumn(columns, event_time_col);
}
