import type { FieldReader } from "../base/field_reader.ts";
import type { NodeId } from "../model/ids.ts";
import type { NodeCommon } from "../model/node.ts";
import { ColumnFinder, readOneInput } from "./input_columns.ts";
import { resolveMadeFrom } from "./made_sql.ts";
import type { NodeKind } from "./node_kind.ts";
import { profileSql } from "./profile_sql.ts";
import { describeQueries, queryJob } from "./sql_node.ts";

/** Figures about the columns of a node. */
export interface ProfileSpec extends NodeCommon {
  readonly kind: "profile";
  readonly input: NodeId;
  /** Empty: all columns of the input. */
  readonly profiled: readonly string[];
  readonly max_top_values: number;
  readonly as_of: string | null;
}

const MOST_TOP_VALUES = 1_000;

/** A long table of figures: how many rows, and for each column NULLs, distinct values, and what its type allows. */
export const PROFILE: NodeKind<ProfileSpec> = {
  kind: "profile",
  summary: "Figures about the columns of a node: NULLs, distinct values, range, quantiles",
  hasRows: true,
  sqlField: null,
  takesScript: false,
  makesSql: true,
  schema: {
    properties: {
      profile: {
        type: "object",
        properties: {
          columns: { type: "array", items: { type: "string" }, description: "Absent: all" },
          params: {
            type: "object",
            properties: {
              max_top_values: { type: "integer", minimum: 1, maximum: MOST_TOP_VALUES, default: 5 },
              as_of: {
                type: "string",
                description:
                  "Time for freshness_hours, such as {{ today }}; absent: no such figure",
              },
            },
            additionalProperties: false,
          },
        },
        additionalProperties: false,
      },
    },
    required: [],
  },
  parse,
  resolve: (node, data, report) => {
    const { input, profiled, max_top_values, as_of } = node.spec;
    const all = data.columns(input);
    if (all === null) return null;
    const finder = new ColumnFinder(node, input, all, report);
    const found = profiled.map((name, i) => finder.find(name, ["profile", "columns", i]));
    if (found.includes(null)) return null;
    const columns = profiled.length === 0 ? all : found.flatMap((column) => column ?? []);
    const sql = profileSql({ input, columns, max_top_values, as_of });
    return resolveMadeFrom(node, sql, "profile", { data, report });
  },
  describe: describeQueries,
  config: ({ profiled, max_top_values, as_of }) => ({
    columns: profiled,
    max_top_values,
    as_of,
  }),
  job: (node, _spec, sql, context) => queryJob(node, sql, context),
};

/** True for a node that is a profile. */
export function isProfile(spec: NodeCommon | null): spec is ProfileSpec {
  return spec?.kind === "profile";
}

function parse(reader: FieldReader, common: NodeCommon): ProfileSpec | null {
  const input = readOneInput(reader, common, { takesSource: false });
  const block = reader.child(reader.mapping("profile"), ["profile"]);
  const profiled = block.texts("columns");
  const params = block.child(block.mapping("params"), ["params"]);
  const most = params.optionalPositive("max_top_values") ?? 5;
  const asOf = params.optionalText("as_of");
  params.rejectUnknown("the params of a profile");
  block.rejectUnknown("a profile");
  if (!Number.isInteger(most) || most > MOST_TOP_VALUES) {
    params.problem(
      ["max_top_values"],
      "wrong_value",
      `"max_top_values" must be a whole number up to ${MOST_TOP_VALUES}`,
    );
    return null;
  }
  if (input === null) return null;
  return {
    ...common,
    kind: "profile",
    inputs: [input],
    input,
    profiled,
    max_top_values: most,
    as_of: asOf,
  };
}
