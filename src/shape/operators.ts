import type { NodeId } from "../model/ids.ts";
import {
  columnAt,
  contextOf,
  evaluateAll,
  evaluateExpression,
  type ExpressionContext,
  isLoose,
  typeOf,
} from "./expressions.ts";
import { joinConditions, JOINS, nearest, sideBySide } from "./joins.ts";
import {
  CannotTell,
  canonicalText,
  expectKeys,
  type Json,
  list,
  number,
  text,
} from "./logical_plan.ts";
import {
  type CteReference,
  type Evaluation,
  hasKeyAmong,
  makeRelation,
  type OrderItem,
  type Outer,
  type Relation,
} from "./relation.ts";
import {
  bySortKey,
  type Generator,
  makeGenerator,
  makeRows,
  ONE_ROW,
  type Rows,
  type Term,
  Unstable,
} from "./terms.ts";

/** What an operator of a bound plan gives. Throws {@linkcode CannotTell}. */
export function evaluateOperator(operator: Json, evaluation: Evaluation): Relation {
  const type = text(operator, "type");
  const evaluate = OPERATORS[type];
  if (evaluate === undefined) throw new CannotTell(type);
  return evaluate(operator, evaluation);
}

type Evaluate = (operator: Json, evaluation: Evaluation) => Relation;

const OPERATORS: Readonly<Record<string, Evaluate>> = {
  LOGICAL_GET: get,
  LOGICAL_DUMMY_SCAN: () => oneRow(),
  LOGICAL_EXPRESSION_GET: values,
  LOGICAL_DELIM_GET: outerColumns,
  LOGICAL_CTE_REF: cteReference,
  LOGICAL_MATERIALIZED_CTE: commonTable,
  LOGICAL_RECURSIVE_CTE: recursion,
  LOGICAL_PROJECTION: projection,
  LOGICAL_FILTER: filter,
  LOGICAL_AGGREGATE_AND_GROUP_BY: aggregation,
  LOGICAL_WINDOW: windows,
  LOGICAL_UNNEST: unnest,
  LOGICAL_DISTINCT: distinct,
  LOGICAL_ORDER_BY: orderBy,
  LOGICAL_LIMIT: limit,
  LOGICAL_SAMPLE: sample,
  LOGICAL_UNION: union,
  LOGICAL_EXCEPT: setOperation,
  LOGICAL_INTERSECT: setOperation,
  LOGICAL_CROSS_PRODUCT: join,
  LOGICAL_COMPARISON_JOIN: join,
  LOGICAL_ANY_JOIN: join,
  LOGICAL_DELIM_JOIN: join,
  LOGICAL_ASOF_JOIN: join,
  LOGICAL_POSITIONAL_JOIN: positionalJoin,
};

/** A row without content; its one position is never read. */
function oneRow(): Relation {
  return makeRelation({ rows: ONE_ROW, columns: [null], keys: [[]] });
}

function inputsOf(operator: Json, evaluation: Evaluation, count: number): Relation[] {
  const inputs = list(operator, "children");
  if (inputs.length !== count) throw new CannotTell(`${operator["type"]} of ${inputs.length}`);
  return inputs.map((input) => evaluateOperator(input, evaluation));
}

/** A table function's rows in every combination with those of its inputs; or the scan of a node. */
function get(operator: Json, evaluation: Evaluation): Relation {
  const isScan = text(operator, "name") === "seq_scan";
  expectKeys(operator, isScan ? SCAN_KEYS : [...SCAN_KEYS, ...FUNCTION_KEYS]);
  return isScan ? scan(operator, evaluation) : tableFunction(operator, evaluation);
}

/** Table functions that make rows of their arguments alone. */
const PURE_TABLE_FUNCTIONS = new Set(
  ["range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"],
);

const SCAN_KEYS = [
  "table_index",
  "returned_types",
  "names",
  "name",
  "arguments",
  "original_arguments",
  "has_serialize",
  "function_data",
  "column_indexes",
  "extra_info",
  "ordinality_idx",
];
const FUNCTION_KEYS = [
  "catalog_name",
  "schema_name",
  "parameters",
  "named_parameters",
  "input_table_types",
  "input_table_names",
  "projected_input",
];

function scan(operator: Json, { terms }: Evaluation): Relation {
  const data = operator["function_data"] as Json | undefined;
  if (data === undefined) throw new CannotTell("a scan of an unknown table");
  const node = `${text(data, "schema")}.${text(data, "table")}` as NodeId;
  const generator = makeGenerator({ head: `scan ${node}`, node });
  const names = operator["names"] as readonly string[];
  const columns = list(operator, "column_indexes").map((column) => {
    const name = names[columnIndex(column)];
    return name === undefined ? null : terms.column(generator, name);
  });
  return makeRelation({ rows: makeRows([generator], []), columns });
}

function columnIndex(column: Json): number {
  const kind = text(column, "index_type") || "FULL_READ";
  if (kind !== "FULL_READ" || list(column, "child_indexes").length > 0) {
    throw new CannotTell("a scan of a part of a column");
  }
  return number(column, "index");
}

function tableFunction(operator: Json, evaluation: Evaluation): Relation {
  const { terms } = evaluation;
  const inputs = list(operator, "children").map((input) => evaluateOperator(input, evaluation));
  const input = inputs[0] ?? oneRow();
  const name = text(operator, "name");
  if (inputs.length > 1 || !PURE_TABLE_FUNCTIONS.has(name)) throw new CannotTell(`${name}()`);
  const parts = ["name", "parameters", "named_parameters", "function_data", "ordinality_idx"];
  const generator = makeGenerator({
    head: `function ${canonicalText(parts.map((key) => operator[key] ?? null))}`,
    // What else the input holds is passed on beside the function.
    args: inputs.length === 0
      ? []
      : list(operator, "input_table_types").map((_, i) => columnAt(input, i)),
  });
  const made = list(operator, "column_indexes").map((column) =>
    terms.make({ head: `output ${columnIndex(column)}`, scope: generator })
  );
  const projected = (operator["projected_input"] ?? []) as readonly number[];
  return makeRelation({
    rows: makeRows([...input.rows.generators, generator], input.rows.where),
    columns: [...made, ...projected.map((i) => input.columns[i] ?? null)],
  });
}

function values(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, ["table_index", "expr_types", "expressions"]);
  const [input] = inputsOf(operator, evaluation, 1);
  const context = contextOf(input!, evaluation);
  const rows = (operator["expressions"] as readonly (readonly Json[])[])
    .map((row) => evaluateAll(row, context));
  const generator = makeGenerator({ head: `values ${rows.length}`, args: rows.flat() });
  const width = rows[0]?.length ?? 0;
  return makeRelation({
    rows: makeRows([...input!.rows.generators, generator], input!.rows.where),
    columns: Array.from(
      { length: width },
      (_, i) =>
        evaluation.terms.make({
          head: "value",
          args: rows.map((row) => row[i]!),
          scope: generator,
        }),
    ),
  });
}

/**
 * What a correlated subquery reads of the outer row. DuckDB runs it once for all
 * distinct values; for each outer row that is the same as running it with its own.
 */
function outerColumns(operator: Json, { outer }: Evaluation): Relation {
  expectKeys(operator, ["table_index", "chunk_types"]);
  // DuckDB fills such a scan from the innermost correlated join it stands to the right of.
  const innermost = outer.at(-1);
  if (innermost === undefined || innermost.types !== canonicalText(list(operator, "chunk_types"))) {
    throw new CannotTell("a correlated subquery whose outer query is not known");
  }
  return makeRelation({
    rows: ONE_ROW,
    columns: innermost.columns,
    keys: [[]],
    tableIndex: number(operator, "table_index"),
  });
}

function cteReference(operator: Json, { ctes }: Evaluation): Relation {
  expectKeys(operator, [
    "table_index",
    "cte_index",
    "chunk_types",
    "bound_columns",
    "is_recurring",
  ]);
  const make = operator["is_recurring"] === true
    ? undefined
    : ctes.get(number(operator, "cte_index"));
  if (make === undefined) throw new CannotTell("a reference to an unknown common table expression");
  return make();
}

/** Read once, a common table expression is its query; read more often, each reference has rows of its own. */
function commonTable(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, [
    "table_index",
    "column_count",
    "ctename",
    "materialize",
    "correlated_columns",
  ]);
  const [definition, body] = list(operator, "children");
  if (definition === undefined || body === undefined) {
    throw new CannotTell("a WITH without a query");
  }
  const index = number(operator, "table_index");
  const made = evaluateOperator(definition, evaluation);
  const isReadOnce = countReferences(body, index) <= 1;
  const reference: CteReference = () =>
    isReadOnce ? { ...made, order: null } : copyOf(made, evaluation, text(operator, "materialize"));
  return evaluateOperator(body, {
    ...evaluation,
    ctes: new Map([...evaluation.ctes, [index, reference]]),
  });
}

function copyOf(made: Relation, { terms }: Evaluation, materialize: string): Relation {
  // Whether all references see the same draw is up to how it is kept.
  const isUnstable = made.rows.unstable || made.columns.some((column) => column?.unstable);
  const head = isUnstable ? `with ${materialize}` : "with";
  const generator = makeGenerator({ head, inner: [made.rows] });
  const own = (term: Term) => terms.make({ head: "with", args: [term], scope: generator });
  return makeRelation({
    rows: makeRows([generator], []),
    columns: made.columns.map((column) => column === null ? null : own(column)),
    keys: made.keys.map((key) => key.map(own)),
  });
}

function countReferences(value: unknown, index: number): number {
  if (Array.isArray(value)) {
    return value.reduce((sum, item) => sum + countReferences(item, index), 0);
  }
  if (typeof value !== "object" || value === null) return 0;
  const part = value as Json;
  const own = part["type"] === "LOGICAL_CTE_REF" && number(part, "cte_index") === index ? 1 : 0;
  return own +
    Object.values(part).reduce<number>((n, inner) => n + countReferences(inner, index), 0);
}

/** A recursion is one thing: whatever changes inside it may change all it gives. */
function recursion(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, ["union_all", "ctename", "table_index", "column_count", "ref_recurring"]);
  const { terms } = evaluation;
  const [first, step] = list(operator, "children");
  const count = number(operator, "column_count");
  const start = evaluateOperator(first!, evaluation);
  const reference: CteReference = () => {
    const previous = makeGenerator({ head: `previous step ${evaluation.recursions}` });
    return makeRelation({
      rows: makeRows([previous], []),
      columns: Array.from(
        { length: count },
        (_, i) => terms.make({ head: `previous ${i}`, scope: previous }),
      ),
    });
  };
  const next = evaluateOperator(step!, {
    ...evaluation,
    recursions: evaluation.recursions + 1,
    ctes: new Map([...evaluation.ctes, [number(operator, "table_index"), reference]]),
  });
  const generator = makeGenerator({
    head: `recursion${operator["union_all"] === true ? " all" : ""}`,
    inner: [start.rows, next.rows],
    args: [...start.columns, ...next.columns].filter((column) => column !== null),
  });
  return makeRelation({
    rows: makeRows([generator], []),
    columns: Array.from(
      { length: count },
      (_, i) => terms.make({ head: `output ${i}`, scope: generator }),
    ),
  });
}

function projection(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, ["table_index", "expressions"]);
  const [input] = inputsOf(operator, evaluation, 1);
  return {
    ...input!,
    columns: evaluateAll(list(operator, "expressions"), contextOf(input!, evaluation)),
    tableIndex: number(operator, "table_index"),
  };
}

function filter(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, ["expressions", "projection_map"]);
  const [input] = inputsOf(operator, evaluation, 1);
  const conditions = evaluateAll(list(operator, "expressions"), contextOf(input!, evaluation));
  const { generators, where } = input!.rows;
  const kept = (operator["projection_map"] ?? []) as readonly number[];
  const columns = kept.length === 0
    ? input!.columns
    : kept.map((position) => input!.columns[position] ?? null);
  return { ...input!, columns, rows: makeRows(generators, [...where, ...conditions]) };
}

function aggregation(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, [
    "expressions",
    "group_index",
    "aggregate_index",
    "groupings_index",
    "groups",
    "grouping_sets",
    "grouping_functions",
    "distinct_validity",
  ]);
  const { terms } = evaluation;
  const [input] = inputsOf(operator, evaluation, 1);
  const expressions = list(operator, "expressions");
  const groups = evaluateAll(list(operator, "groups"), contextOf(input!, evaluation));
  const sets = (operator["grouping_sets"] ?? []) as readonly (readonly number[])[];
  const generator = sets.length > 1
    ? groupingSets(input!, groups, sets)
    : groupsOf(input!, groups, expressions);
  const gathered = contextOf(input!, evaluation, generator);
  const keys = groups.map((group, i) =>
    terms.make({
      head: "key",
      args: [group],
      scope: generator,
      unstable: isLoose(typeOf(list(operator, "groups")[i]!)) ? Unstable.Ties : Unstable.No,
    })
  );
  const groupings = ((operator["grouping_functions"] ?? []) as readonly (readonly number[])[])
    .map((positions) =>
      terms.make({ head: "grouping", args: positions.map((i) => keys[i]!), scope: generator })
    );
  const isOneRow = groups.length === 0 && sets.length <= 1;
  return makeRelation({
    rows: isOneRow ? ONE_ROW : makeRows([generator], []),
    columns: [...keys, ...evaluateAll(expressions, gathered), ...groupings],
    keys: sets.length > 1 ? [] : [keys],
  });
}

/** Several groupings at once, however they were written: ROLLUP, CUBE, GROUPING SETS. */
function groupingSets(
  input: Relation,
  groups: readonly Term[],
  sets: readonly (readonly number[])[],
): Generator {
  const keys = [...new Set(groups)].sort(bySortKey);
  const positions = sets.map((set) =>
    [...new Set(set.map((i) => keys.indexOf(groups[i]!)))].sort()
  );
  const head = `groupings ${JSON.stringify(positions.map((set) => set.join()).sort())}`;
  return makeGenerator({ head, inner: [input.rows], args: keys });
}

function groupsOf(
  input: Relation,
  groups: readonly Term[],
  aggregates: readonly Json[],
): Generator {
  const [only, ...others] = input.rows.generators;
  // How many rows a LIMIT leaves does not depend on which. What is joined to them, or counted
  // of them under a condition, does.
  const countsLimit = groups.length === 0 && others.length === 0 &&
    only?.head.startsWith("limit") === true && !only.inner[0]!.unstable &&
    !only.args.some((arg) => arg.unstable) && input.rows.where.length === 0 &&
    aggregates.every((aggregate) => aggregate["name"] === "count_star" && !aggregate["filter"]);
  const rows: Rows = countsLimit ? { ...input.rows, unstable: Unstable.No } : input.rows;
  const keys = [...new Set(groups)].sort(bySortKey);
  return makeGenerator({ head: "groups", inner: [rows], args: keys });
}

function windows(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, ["window_index", "expressions"]);
  const [input] = inputsOf(operator, evaluation, 1);
  let scope = evaluation.scopes.get(input!.rows);
  if (scope === undefined) {
    scope = makeGenerator({ head: "window over", inner: [input!.rows] });
    evaluation.scopes.set(input!.rows, scope);
  }
  const made = evaluateAll(list(operator, "expressions"), contextOf(input!, evaluation, scope));
  // Rows leave a window sorted by its partitions: a LIMIT behind it does not see the old order.
  return { ...input!, columns: [...input!.columns, ...made], order: null };
}

function unnest(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, ["unnest_index", "expressions"]);
  const { terms } = evaluation;
  const [input] = inputsOf(operator, evaluation, 1);
  const lists = list(operator, "expressions").map((expression) => {
    if (expression["expression_class"] !== "BOUND_UNNEST") throw new CannotTell("an unnest");
    return evaluateExpression(expression["child"] as Json, contextOf(input!, evaluation));
  });
  const generator = makeGenerator({ head: "unnest", args: lists });
  const made = lists.map((value) =>
    terms.make({ head: "element", args: [value], scope: generator })
  );
  const { generators, where } = input!.rows;
  return makeRelation({
    rows: makeRows([...generators, generator], where),
    columns: [...input!.columns, ...made],
  });
}

/** DISTINCT is a grouping by all columns; DISTINCT ON keeps of every other column the first value. */
function distinct(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, ["distinct_type", "distinct_targets", "order_by"]);
  const { terms } = evaluation;
  const [input] = inputsOf(operator, evaluation, 1);
  const context = contextOf(input!, evaluation);
  const targets = new Set(evaluateAll(list(operator, "distinct_targets"), context));
  if (hasKeyAmong(input!, targets)) return { ...input!, order: null };
  const orders = orderItems((operator["order_by"] as Json | null | undefined) ?? {}, context);
  const generator = groupsOf(input!, [...targets], []);
  const loose = new Set(
    list(operator, "distinct_targets").filter((target) => isLoose(typeOf(target)))
      .map((target) => evaluateExpression(target, context)),
  );
  const key = (term: Term) =>
    terms.make({
      head: "key",
      args: [term],
      scope: generator,
      unstable: loose.has(term) ? Unstable.Ties : Unstable.No,
    });
  const isSettled = hasKeyAmong(input!, [...targets, ...orders.map(({ term }) => term)]);
  const first = (term: Term) =>
    terms.make({
      head: `first by ${orders.map(({ how }) => how).join()}`,
      args: [term, ...orders.map((order) => order.term)],
      scope: generator,
      unstable: isSettled ? Unstable.No : Unstable.Ties,
    });
  return makeRelation({
    rows: makeRows([generator], []),
    columns: input!.columns.map((column) =>
      column === null ? null : targets.has(column) ? key(column) : first(column)
    ),
    keys: [[...targets].map(key)],
  });
}

function orderItems(holder: Json, context: ExpressionContext): OrderItem[] {
  return list(holder, "orders").map((order) => ({
    term: evaluateExpression(order["expression"] as Json, context),
    how: `${text(order, "type")} ${text(order, "null_order")}`,
  }));
}

function orderBy(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, ["orders"]);
  const [input] = inputsOf(operator, evaluation, 1);
  return { ...input!, order: orderItems(operator, contextOf(input!, evaluation)) };
}

function limit(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, ["limit_val", "offset_val"]);
  const [input] = inputsOf(operator, evaluation, 1);
  const context = contextOf(input!, evaluation);
  const bounds = [operator["limit_val"], operator["offset_val"]].map((bound) =>
    (bound ?? {}) as Json
  );
  const computed = bounds.flatMap((bound) => {
    const expression = bound["expression"] as Json | null | undefined;
    return expression ? [evaluateExpression(expression, context)] : [];
  });
  const order = input!.order ?? [];
  const head = bounds.map((bound) =>
    ["type", "constant_integer", "constant_percentage"].map((key) => bound[key] ?? "").join(" ")
  );
  const generator = makeGenerator({
    head: `limit ${[...head, ...order.map(({ how }) => how)].join(", ")}`,
    inner: [input!.rows],
    args: [...computed, ...order.map(({ term }) => term)],
    // Of rows that sort alike any may be taken.
    unstable: hasKeyAmong(input!, order.map(({ term }) => term)) ? Unstable.No : Unstable.Ties,
  });
  return { ...input!, rows: makeRows([generator], []) };
}

function sample(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, ["sample_options"]);
  const [input] = inputsOf(operator, evaluation, 1);
  const generator = makeGenerator({
    head: `sample ${canonicalText(operator["sample_options"])}`,
    inner: [input!.rows],
    unstable: Unstable.Ties,
  });
  evaluation.volatile.add("sample");
  return { ...input!, rows: makeRows([generator], []), order: null };
}

function union(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, SET_KEYS);
  const { terms } = evaluation;
  const inputs = list(operator, "children").map((input) => evaluateOperator(input, evaluation));
  const generator = makeGenerator({ head: "union all", inner: inputs.map(({ rows }) => rows) });
  return makeRelation({
    rows: makeRows([generator], []),
    columns: inputs[0]!.columns.map((_, i) =>
      terms.make({
        head: "one of",
        args: inputs.map((input) => columnAt(input, i)),
        scope: generator,
      })
    ),
  });
}

const SET_KEYS = ["table_index", "column_count", "allow_out_of_order", "setop_all"];

/** EXCEPT and INTERSECT compare whole rows: every column decides. */
function setOperation(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, SET_KEYS);
  const { terms } = evaluation;
  const inputs = inputsOf(operator, evaluation, 2);
  const all = inputs.map(({ columns }) =>
    columns.map((column, i) => {
      if (column === null) throw new CannotTell(`position ${i} of a set operation`);
      return column;
    })
  );
  const isBag = operator["setop_all"] === true;
  const generator = makeGenerator({
    head: `${text(operator, "type")}${isBag ? " all" : ""}`,
    inner: inputs.map(({ rows }) => rows),
    args: all.flat(),
  });
  const isOpen = typesAmong(list(operator, "children")[0]!).some(isLoose);
  const unstable = isOpen ? Unstable.Ties : Unstable.No;
  const columns = all[0]!.map((column) =>
    terms.make({ head: "of the first", args: [column], scope: generator, unstable })
  );
  return makeRelation({ rows: makeRows([generator], []), columns, keys: isBag ? [] : [columns] });
}

/** The types of what an operator gives, or where it does not say, a text in which they are among others. */
function typesAmong(operator: Json): (string | null)[] {
  return operator["type"] === "LOGICAL_PROJECTION"
    ? list(operator, "expressions").map(typeOf)
    : [canonicalText(operator)];
}

const JOIN_KEYS = [
  "join_type",
  "mark_index",
  "mark_types",
  "conditions",
  "condition",
  "duplicate_eliminated_columns",
];

function join(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, JOIN_KEYS);
  const [leftPlan, rightPlan] = list(operator, "children");
  if (leftPlan === undefined || rightPlan === undefined) throw new CannotTell("a join of one");
  const left = evaluateOperator(leftPlan, evaluation);
  const correlated = list(operator, "duplicate_eliminated_columns");
  const outer: Outer = {
    columns: evaluateAll(correlated, contextOf(left, evaluation)),
    types: canonicalText(correlated.map((expression) => expression["return_type"])),
  };
  const isCorrelated = operator["type"] === "LOGICAL_DELIM_JOIN";
  const right = evaluateOperator(
    rightPlan,
    isCorrelated ? { ...evaluation, outer: [...evaluation.outer, outer] } : evaluation,
  );
  const joined = { left, right, ...joinConditions(operator, left, right, evaluation) };
  const type = text(operator, "join_type") || "INNER";
  if (operator["type"] === "LOGICAL_ASOF_JOIN") return nearest(type, joined, evaluation);
  const combine = JOINS[type];
  if (combine === undefined) throw new CannotTell(`${type} join`);
  return combine(joined, evaluation);
}

function positionalJoin(operator: Json, evaluation: Evaluation): Relation {
  expectKeys(operator, []);
  const [left, right] = inputsOf(operator, evaluation, 2);
  return sideBySide(left!, right!, evaluation);
}
