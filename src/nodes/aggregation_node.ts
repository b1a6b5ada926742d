import { compactJson } from "../base/canonical_json.ts";
import type { FieldReader, Report } from "../base/field_reader.ts";
import type { JsonSchema } from "../base/json_schema.ts";
import type { NodeCommon, ParamValue } from "../model/node.ts";
import {
  aggregateColumns,
  type AggregatedFeature,
  type AggregationQuery,
  aggregationSql,
  APPLICATION_DATE,
  keyColumns,
  needsNumbers,
} from "./aggregation_sql.ts";
import {
  ColumnFinder,
  type FieldPath,
  findColumn,
  isNumber,
  readOneInput,
} from "./input_columns.ts";
import { resolveMadeFrom } from "./made_sql.ts";
import type { LoadedNode, ResolvedNode, SourceData } from "./node_kind.ts";

/** What `aggregation` and `second_order_aggregation` have in common. */

/** A node whose rows are aggregates of one input. */
export interface AggregationSpec extends NodeCommon, AggregationQuery {
  /** True where its input is named under `source`. */
  readonly names_source: boolean;
  /** Where each feature is written below `features`. */
  readonly places: readonly (string | number)[];
}

/** JSON Schema of the fields that say what is aggregated. */
export const KEY_PROPERTIES: Readonly<Record<string, JsonSchema>> = {
  source: { type: "string", description: "The node that is read, where inputs does not name it" },
  id_col: {
    type: ["string", "array"],
    items: { type: "string" },
    description: "Column (or columns) that say what a row is about",
  },
  feature_date_col: { type: "string", description: "Column with the day of each input row" },
  application_date_col: {
    type: "string",
    description:
      "Column with the day as of which a row is seen; absent: the latest day of all rows",
  },
  group_by: {
    type: ["string", "array"],
    items: { type: "string" },
    description: "Further columns to group by",
  },
};

/** Reads the fields that both kinds have, with `features` as the kind reads them; null after reporting. */
export function readAggregation(
  reader: FieldReader,
  common: NodeCommon,
  features: readonly { readonly feature: AggregatedFeature; readonly place: string | number }[],
): AggregationSpec | null {
  const input = readOneInput(reader, common, { takesSource: true });
  const idCols = readNames(reader, "id_col", "customer_id");
  const featureDate = reader.requiredText("feature_date_col", "order_date");
  const applicationDate = reader.optionalText("application_date_col");
  const groupBy = reader.texts("group_by");
  if (!reader.has("features") || features.length === 0) {
    reader.problem(
      reader.has("features") ? ["features"] : [],
      "missing_field",
      `${common.id} needs at least one feature`,
      "write features with a name and basic: [sum]",
    );
  }
  if (input === null || featureDate === null || idCols.length === 0 || features.length === 0) {
    return null;
  }
  const spec: AggregationSpec = {
    ...common,
    inputs: [input],
    input,
    names_source: reader.has("source"),
    id_cols: idCols,
    feature_date_col: featureDate,
    application_date_col: applicationDate,
    group_by: groupBy,
    features: features.map(({ feature }) => feature),
    places: features.map(({ place }) => place),
  };
  return hasOwnNames(reader, spec) ? spec : null;
}

function readNames(reader: FieldReader, field: string, example: string): readonly string[] {
  const names = reader.texts(field);
  if (!reader.has(field) || names.length === 0) {
    reader.problem(
      [],
      "missing_field",
      `Field "${field}" is missing`,
      `write ${field}: ${example}`,
    );
  }
  return names;
}

/** Every output column has a name of its own. */
function hasOwnNames(reader: FieldReader, spec: AggregationSpec): boolean {
  const taken = new Set(keyColumns(spec).map((name) => name.toLowerCase()));
  let isSound = true;
  spec.features.forEach((feature, i) => {
    for (const { name } of aggregateColumns(feature)) {
      if (!taken.has(name.toLowerCase())) {
        taken.add(name.toLowerCase());
        continue;
      }
      isSound = false;
      reader.problem(
        ["features", spec.places[i]!],
        "duplicate_column",
        `Two columns of ${spec.id} would be called "${name}"`,
        "windows are named after the day they end on: give one of the two a feature of its own, with another name " +
          "and the same column",
      );
    }
  });
  return isSound;
}

/** Settles the SQL after looking at the columns of the input; null after reporting what is wrong. */
export function resolveAggregation<S extends AggregationSpec>(
  node: LoadedNode<S>,
  columnField: string,
  data: SourceData,
  report: Report,
): ResolvedNode<S> | null {
  const { spec } = node;
  const columns = data.columns(spec.input);
  if (columns === null) return null;
  const finder = new ColumnFinder(node, spec.input, columns, report);
  let isSound = true;
  const check = (found: unknown) => isSound = found !== null && isSound;
  for (const name of spec.id_cols) check(finder.find(name, ["id_col"]));
  for (const name of spec.group_by) check(finder.find(name, ["group_by"]));
  check(finder.findTime(spec.feature_date_col, ["feature_date_col"]));
  if (spec.application_date_col !== null) {
    check(finder.findTime(spec.application_date_col, ["application_date_col"]));
  } else if (findColumn(columns, APPLICATION_DATE) !== undefined) {
    finder.problem(
      ["feature_date_col"],
      "application_date_unclear",
      `${spec.input} has a column "${APPLICATION_DATE}", and nothing says whether it is the application date`,
      `write application_date_col: ${APPLICATION_DATE}`,
    );
    return null;
  }
  spec.features.forEach((feature, i) => {
    if (feature.column === null) return;
    const place: FieldPath = ["features", spec.places[i]!];
    const column = finder.find(feature.column, [...place, columnField]);
    check(column);
    const agg = column === null || isNumber(column.type)
      ? undefined
      : aggsOf(feature).find(needsNumbers);
    if (agg === undefined) return;
    isSound = false;
    finder.problem(
      place,
      "column_not_a_number",
      `${agg} needs numbers, and column "${column!.name}" of ${spec.input} is ${column!.type}`,
      "cast it in the node that makes it, or use count, count_distinct, min or max",
    );
  });
  return isSound ? resolveMadeFrom(node, aggregationSql(spec), "features", { data, report }) : null;
}

function aggsOf({ basic, rolling, ratio, since }: AggregatedFeature): string[] {
  return [...basic, ...[...rolling, ...ratio, ...since].flatMap(({ aggs }) => aggs)];
}

/** The fields as the manifest keeps them. */
export function aggregationConfig(spec: AggregationSpec): Readonly<Record<string, ParamValue>> {
  return {
    id_col: spec.id_cols,
    feature_date_col: spec.feature_date_col,
    application_date_col: spec.application_date_col,
    group_by: spec.group_by,
    features: compactJson(spec.features),
  };
}
