import { isDrawnPerCall, isOpaque, isOrderFree, isTieFree, isVolatile } from "./functions.ts";
import {
  CannotTell,
  canonicalText,
  type Json,
  list,
  number,
  ReadsRowId,
  text,
} from "./logical_plan.ts";
import { type Evaluation, hasKeyAmong, type Relation } from "./relation.ts";
import {
  bySortKey,
  type Generator,
  type Instability,
  makeGenerator,
  ONE_ROW,
  type Term,
  Unstable,
} from "./terms.ts";

/** What expressions of one operator are evaluated in. */
export interface ExpressionContext {
  readonly evaluation: Evaluation;
  /** What positions refer to. */
  readonly input: Relation;
  /** The rows that aggregates and window functions gather from; null where there are none. */
  readonly gathered: Generator | null;
}

/** The context of expressions over one input. */
export function contextOf(
  input: Relation,
  evaluation: Evaluation,
  gathered: Generator | null = null,
): ExpressionContext {
  return { evaluation, input, gathered };
}

/** The values of several expressions. Throws {@linkcode CannotTell}. */
export function evaluateAll(expressions: readonly Json[], context: ExpressionContext): Term[] {
  return expressions.map((expression) => evaluateExpression(expression, context));
}

/** The value of a bound expression. Throws {@linkcode CannotTell}. */
export function evaluateExpression(expression: Json, context: ExpressionContext): Term {
  const kind = text(expression, "expression_class");
  const evaluate = EXPRESSIONS[kind];
  if (evaluate === undefined) throw new CannotTell(`expression ${kind || "without a class"}`);
  return evaluate(expression, context);
}

type Evaluate = (expression: Json, context: ExpressionContext) => Term;

const EXPRESSIONS: Readonly<Record<string, Evaluate>> = {
  BOUND_REF: (expression, { input }) => columnAt(input, number(expression, "index")),
  BOUND_COLUMN_REF: boundColumn,
  BOUND_CONSTANT: (expression, { evaluation }) =>
    evaluation.terms.make({ head: `constant ${canonicalText(expression["value"])}` }),
  BOUND_CAST: cast,
  BOUND_COMPARISON: (expression, context) =>
    context.evaluation.terms.compare(
      text(expression, "type"),
      evaluateExpression(child(expression, "left"), context),
      evaluateExpression(child(expression, "right"), context),
    ),
  BOUND_CONJUNCTION: (expression, context) => {
    const parts = list(expression, "children").map((part) => evaluateExpression(part, context));
    const { terms } = context.evaluation;
    return text(expression, "type") === "CONJUNCTION_AND" ? terms.and(parts) : terms.or(parts);
  },
  BOUND_BETWEEN: between,
  BOUND_OPERATOR: operator,
  BOUND_CASE: caseExpression,
  BOUND_FUNCTION: functionCall,
  BOUND_AGGREGATE: aggregate,
  BOUND_WINDOW: windowCall,
};

/** The value at an output position. */
export function columnAt(input: Relation, index: number): Term {
  const term = input.columns[index];
  if (term === undefined) throw new CannotTell(`position ${index} of ${input.columns.length}`);
  if (term === null) throw new ReadsRowId();
  return term;
}

function child(expression: Json, key: string): Json {
  const value = expression[key];
  if (typeof value !== "object" || value === null) throw new CannotTell(`no ${key}`);
  return value as Json;
}

function boundColumn(expression: Json, { input }: ExpressionContext): Term {
  const binding = child(expression, "binding");
  if (input.tableIndex === null || number(binding, "table_index") !== input.tableIndex) {
    throw new CannotTell("a column of an operator further down");
  }
  return columnAt(input, number(binding, "column_index"));
}

function cast(expression: Json, context: ExpressionContext): Term {
  const inner = child(expression, "child");
  const value = evaluateExpression(inner, context);
  const isTry = expression["try_cast"] === true;
  const to = canonicalText(expression["return_type"]);
  if (!isTry && typeOf(inner) === to) return value;
  return context.evaluation.terms.make({
    head: `${isTry ? "try_cast" : "cast"} ${to}`,
    args: [value],
  });
}

/** The type of an expression as text; null where the expression does not carry it. */
export function typeOf(expression: Json): string | null {
  const constant = expression["value"] as Json | undefined;
  const type = expression["return_type"] ?? constant?.["type"];
  return type === undefined ? null : canonicalText(type);
}

function between(expression: Json, context: ExpressionContext): Term {
  const { terms } = context.evaluation;
  const [input, lower, upper] = ["input", "lower", "upper"].map((key) =>
    evaluateExpression(child(expression, key), context)
  );
  const includes = (key: string) => expression[key] === true ? "OREQUALTO" : "";
  return terms.and([
    terms.compare(`COMPARE_GREATERTHAN${includes("lower_inclusive")}`, input!, lower!),
    terms.compare(`COMPARE_LESSTHAN${includes("upper_inclusive")}`, input!, upper!),
  ]);
}

function operator(expression: Json, context: ExpressionContext): Term {
  const { terms } = context.evaluation;
  const type = text(expression, "type");
  const args = list(expression, "children").map((part) => evaluateExpression(part, context));
  if (type === "OPERATOR_NOT") return terms.not(args[0]!);
  if (type === "COMPARE_IN" || type === "COMPARE_NOT_IN") {
    const values = [...new Set(args.slice(1))].sort(bySortKey);
    if (values.length === 1) {
      const comparison = type === "COMPARE_IN" ? "COMPARE_EQUAL" : "COMPARE_NOTEQUAL";
      return terms.compare(comparison, args[0]!, values[0]!);
    }
    return terms.make({ head: type, args: [args[0]!, ...values] });
  }
  return terms.make({ head: `${type} ${typeOf(expression)}`, args });
}

const SEVERAL_ROWS = "More than one row returned by a subquery";

/** `CASE`, and what DuckDB makes of a scalar subquery: the first of its rows, or an error when there are more. */
function caseExpression(expression: Json, context: ExpressionContext): Term {
  const checks = list(expression, "case_checks");
  const thrown = checks.length === 1 ? checks[0]!["then_expr"] as Json : null;
  if (thrown?.["name"] === "error" && canonicalText(thrown).includes(SEVERAL_ROWS)) {
    const otherwise = evaluateExpression(child(expression, "else_expr"), context);
    if (isFirstOfAll(otherwise)) return onlyRow(otherwise, context);
  }
  return generic(expression, context, "case");
}

const FIRST = "aggregate first ";

/** The first value of all rows, without a condition, an order or groups. */
function isFirstOfAll({ head, args, scope }: Term): boolean {
  return head.startsWith(FIRST) && args.length === 1 && scope?.args.length === 0;
}

function onlyRow(first: Term, { evaluation: { terms } }: ExpressionContext): Term {
  const value = first.args[0]!;
  const rows = first.scope!.inner[0]!;
  if (rows === ONE_ROW) return value;
  const match = makeGenerator({ head: "match", inner: [rows] });
  return terms.make({ head: "matched", args: [value], scope: match });
}

/** Symmetric operators, for numbers of one type. */
const COMMUTATIVE = new Set(["+", "*"]);
const NUMERIC = /^\{"id":"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL)"/;

function functionCall(expression: Json, context: ExpressionContext): Term {
  const name = text(expression, "name");
  const children = list(expression, "children");
  const called = functionsIn(expression["function_data"]);
  const volatile = [{ name, count: children.length }, ...called].filter((call) => {
    if (isOpaque(call.name)) throw new CannotTell(`function ${call.name}()`);
    return isVolatile(call.name, call.count);
  });
  for (const call of volatile) context.evaluation.volatile.add(call.name);
  const isUnstable = volatile.length > 0;
  if (SORTING.has(name)) return sorted(expression, context);
  const types = children.map(typeOf);
  // `s['a']` is `s.a`.
  const isField = name === "array_extract" && types[0]?.startsWith('{"id":"STRUCT"') === true;
  if (isField) return functionCall({ ...expression, name: "struct_extract" }, context);
  const commutes = COMMUTATIVE.has(name) && children.length === 2 && types[0] === types[1] &&
    NUMERIC.test(types[0] ?? "");
  // Two calls that draw differ; one that is read twice does not.
  const isDrawn = volatile.some((call) => isDrawnPerCall(call.name));
  const prefix = isDrawn ? `draw ${context.evaluation.draws.next().value} function` : "function";
  return generic(expression, context, prefix, {
    commutes,
    unstable: isUnstable ? Unstable.Chance : Unstable.No,
  });
}

/** The calls inside what a function keeps for itself: the body of a lambda is there, not among its arguments. */
function functionsIn(data: unknown): { name: string; count: number }[] {
  if (typeof data !== "object" || data === null) return [];
  const inner = Object.values(data).flatMap(functionsIn);
  const part = data as Json;
  return part["expression_class"] === "BOUND_FUNCTION"
    ? [{ name: text(part, "name"), count: list(part, "children").length }, ...inner]
    : inner;
}

/** Functions that leave nothing of the order in which a list was gathered. */
const SORTING = new Set(["list_sort", "array_sort", "list_reverse_sort", "array_reverse_sort"]);
const GATHERED = /^aggregate (list|array_agg) /;

/** `list(x ORDER BY x)` is planned as a sorted `list(x)`: equal values are equal in any order. */
function sorted(expression: Json, context: ExpressionContext): Term {
  const term = generic(expression, context, "function");
  const [gathered] = term.args;
  const isSettled = gathered !== undefined && GATHERED.test(gathered.head) &&
    !hasLooseArgument(expression) &&
    !gathered.args.some((arg) => arg.unstable) && !gathered.scope?.unstable;
  return isSettled ? context.evaluation.terms.make({ ...term, settled: true }) : term;
}

function aggregate(expression: Json, context: ExpressionContext): Term {
  const { gathered, input } = context;
  const name = text(expression, "name");
  if (gathered === null) throw new CannotTell(`aggregate ${name}() outside of a grouping`);
  if (isOpaque(name)) throw new CannotTell(`aggregate ${name}()`);
  const term = generic(expression, context, `aggregate ${name}`);
  const orders = ordersOf(expression, context);
  const values = list(expression, "children").map((part) => evaluateExpression(part, context));
  const isLoose = hasLooseArgument(expression);
  const isOrdered = orders.length > 0 &&
    (!isLoose && values.every((value) => orders.includes(value)) || hasKeyAmong(input, orders));
  return context.evaluation.terms.make({
    head: term.head,
    args: term.args,
    scope: gathered,
    unstable: !(isOrderFree(name) && !(isLoose && name !== "count")) && !isOrdered
      ? Unstable.Ties
      : Unstable.No,
  });
}

/** True for an aggregate over values of which two that are equal may be told apart. */
function hasLooseArgument(expression: Json): boolean {
  return list(expression, "children").some((part) => isLoose(typeOf(part)));
}

/**
 * Types with values that count as equal and yet are not the same, as `1 month` and `30 days`:
 * which of them stands for both depends on which comes first. (0.0 and -0.0 are left to what
 * is said about rounding.)
 */
export function isLoose(type: string | null): boolean {
  return type !== null && /"(INTERVAL|TIME WITH TIME ZONE|VARIANT)"/.test(type);
}

function ordersOf(expression: Json, context: ExpressionContext): Term[] {
  const orders = expression["order_bys"] as Json | undefined | null;
  if (orders === undefined || orders === null) return [];
  return list(orders, "orders").map((order) =>
    evaluateExpression(child(order, "expression"), context)
  );
}

function windowCall(expression: Json, context: ExpressionContext): Term {
  const { gathered, input } = context;
  if (gathered === null) throw new CannotTell("window function outside of a window");
  const type = text(expression, "type");
  const name = text(expression, "name");
  const term = generic(expression, context, "window");
  const evaluate = (part: Json) => evaluateExpression(part, context);
  const sortedBy = (key: string) =>
    list(expression, key).map((order) => evaluate(child(order, "expression")));
  const partitions = list(expression, "partitions").map(evaluate);
  // `first_value(a ORDER BY b)` sorts the rows of the frame once more.
  const within = sortedBy("arg_orders");
  const isSorted = hasKeyAmong(input, [...partitions, ...sortedBy("orders")]) &&
    (within.length === 0 || hasKeyAmong(input, [...partitions, ...within]));
  const isSettled = isSorted || (isTieFree(type) && !countsRows(expression)) ||
    (type === "WINDOW_AGGREGATE" && isOrderFree(name) && !countsRows(expression) &&
      (name === "count" || !hasLooseArgument(expression)));
  return context.evaluation.terms.make({
    head: term.head,
    args: term.args,
    scope: gathered,
    unstable: isSettled ? Unstable.No : Unstable.Ties,
  });
}

/** True for a frame whose borders fall between rows that may be equal. */
function countsRows(expression: Json): boolean {
  const borders = [text(expression, "start"), text(expression, "end")];
  return borders.some((border) => border.endsWith("_ROWS"));
}

/**
 * An expression whose meaning is its own text with the values of its parts in their
 * places. Everything that is not known to be incidental counts.
 */
function generic(
  expression: Json,
  context: ExpressionContext,
  prefix: string,
  options: { readonly commutes?: boolean; readonly unstable?: Instability } = {},
): Term {
  const args: Term[] = [];
  const skeleton = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(skeleton);
    if (typeof value !== "object" || value === null) return value;
    const part = value as Json;
    if (part !== expression && typeof part["expression_class"] === "string") {
      args.push(evaluateExpression(part, context));
      return "?";
    }
    const entries = Object.entries(part).filter(([key]) => !INCIDENTAL.has(key));
    return Object.fromEntries(
      entries.map((
        [key, inner],
      ) => [key, OPAQUE_KEYS.has(key) ? canonicalText(inner) : skeleton(inner)]),
    );
  };
  const name = text(expression, "name");
  const head = `${prefix}${name === "" || prefix.endsWith(name) ? "" : ` ${name}`} ${
    JSON.stringify(skeleton(expression))
  }`;
  if (options.commutes === true) args.sort(bySortKey);
  return context.evaluation.terms.make({ head, args, unstable: options.unstable ?? Unstable.No });
}

const INCIDENTAL = new Set([
  "alias",
  "query_location",
  "catalog_name",
  "schema_name",
  "has_serialize",
]);
/** What a function keeps for itself: positions in there are its own (a lambda's parameters). */
const OPAQUE_KEYS = new Set(["function_data", "return_type", "arguments", "original_arguments"]);
