import type { Diagnostic } from "../base/diagnostic.ts";
import { didYouMean } from "../base/closest.ts";
import type { FieldReader, Locator } from "../base/field_reader.ts";
import type { ContractMode, NodeSpec, SourceSpec } from "../model/node.ts";
import type { OutputColumn } from "../shape/query_shape.ts";
import { filenameColumn } from "../sources/source_type.ts";
import type { DescribeContext } from "./node_kind.ts";

const MODES: readonly ContractMode[] = ["enforce", "evolve", "ignore"];

/** `contract: enforce`, or `contract: {mode: enforce}`; `ignore` where nothing is written. */
export function readContract(reader: FieldReader, columns: number): ContractMode {
  const isNested = reader.isMapping("contract");
  const inner = isNested ? reader.child(reader.mapping("contract"), ["contract"]) : reader;
  const field = isNested ? "mode" : "contract";
  const written = inner.optionalText(field);
  if (isNested) inner.rejectUnknown("a contract");
  const mode = MODES.find((known) => known === (written ?? "ignore"));
  if (mode === undefined) {
    const hint = didYouMean(written!, MODES) ?? `use one of: ${MODES.join(", ")}`;
    inner.problem([field], "wrong_value", `Unknown contract "${written}"`, hint);
    return "ignore";
  }
  if (mode !== "ignore" && columns === 0) {
    inner.problem(
      [field],
      "contract_without_columns",
      "A contract is about columns, and none are declared",
      "write columns: {id: BIGINT, name: VARCHAR}",
    );
  }
  return mode;
}

/** A source with the columns that are there: in the types of the data, or in those that were asked for. */
interface ContractCase {
  readonly node: { readonly spec: SourceSpec; readonly locator: Locator };
  readonly columns: readonly OutputColumn[];
  /** False where the data has no types of its own, and was read in the declared ones. */
  readonly hasTypes: boolean;
}

/** Reports where an enforced contract is broken; true where it is kept or there is none. */
export async function keepsContract(
  { node: { spec, locator }, columns, hasTypes }: ContractCase,
  context: DescribeContext,
): Promise<boolean> {
  if (spec.contract !== "enforce") return true;
  const problem = (path: readonly string[], message: string, hint: string) =>
    context.report({
      severity: "error",
      code: "contract",
      message: `${spec.id} breaks its contract: ${message}`,
      ...locator.locate(path),
      hint,
    });
  const broken = [
    ...extraColumns(spec, columns, problem),
    ...missingColumns(spec, columns, problem),
    ...(hasTypes ? await otherTypes(spec, columns, problem, context) : []),
  ];
  return broken.length === 0;
}

type Problem = (path: readonly string[], message: string, hint: string) => void;

function extraColumns(
  spec: SourceSpec,
  columns: readonly OutputColumn[],
  problem: Problem,
): string[] {
  const extra = undeclared(spec, columns);
  if (extra.length > 0) {
    problem(
      ["columns"],
      `the data has columns that it does not list: ${extra.map(({ name }) => name).join(", ")}`,
      `add what is wanted: ${columnList(extra)}; or let new columns through: contract: evolve`,
    );
  }
  return extra.map(({ name }) => name);
}

function missingColumns(
  { columns: declared }: SourceSpec,
  columns: readonly OutputColumn[],
  problem: Problem,
): string[] {
  const names = columns.map(({ name }) => name);
  const known = new Set(names.map((name) => name.toLowerCase()));
  const missing = declared.map(({ name }) => name).filter((name) => !known.has(name.toLowerCase()));
  for (const name of missing) {
    problem(
      ["columns", name],
      `the data has no column "${name}"`,
      didYouMean(name, names) ?? "correct the data, or take the column out of columns:",
    );
  }
  return missing;
}

async function otherTypes(
  { columns: declared }: SourceSpec,
  columns: readonly OutputColumn[],
  problem: Problem,
  context: DescribeContext,
): Promise<string[]> {
  const types = await context.normalizeTypes(declared.flatMap(({ type }) => type ?? []));
  const others: string[] = [];
  for (const { name, type } of declared) {
    const found = columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
    if (type === null || found === undefined) continue;
    const wanted = types.get(type) ?? null;
    if (wanted === found.type) continue;
    others.push(name);
    problem(
      ["columns", name],
      wanted === null
        ? `"${type}" of column "${name}" is no type`
        : `column "${name}" is ${found.type} in the data, not ${wanted}`,
      wanted === null
        ? "write a type such as BIGINT, DOUBLE, VARCHAR, DATE or TIMESTAMP"
        : `correct the data, or write ${name}: ${found.type} and cast it in a transform`,
    );
  }
  return others;
}

/** Columns that are there and not declared; that of file names is not the data's. */
function undeclared(
  { columns: declared, params }: SourceSpec,
  columns: readonly OutputColumn[],
): OutputColumn[] {
  const known = new Set(declared.map(({ name }) => name.toLowerCase()));
  const fileColumn = filenameColumn(params);
  return columns.filter(({ name }) => name !== fileColumn && !known.has(name.toLowerCase()));
}

function columnList(columns: readonly OutputColumn[]): string {
  return columns.slice(0, 5).map(({ name, type }) => `${name}: ${type}`).join(", ");
}

/** Types of columns that say when a row is from. */
const TIME_TYPES = /^(DATE|TIMESTAMP\b.*)$/;

/** What is to be said of a source whose columns are known: new ones under `evolve`, and what its freshness needs. */
export function columnDiagnostics(
  spec: NodeSpec,
  columns: readonly OutputColumn[],
  locator: Locator,
): Diagnostic[] {
  if (!isSource(spec)) return [];
  const found: Diagnostic[] = [];
  const extra = spec.contract === "evolve" ? undeclared(spec, columns) : [];
  if (extra.length > 0) {
    found.push({
      severity: "warning",
      code: "contract_evolved",
      message: `${spec.id} has columns that its contract does not list, and they come through: ` +
        extra.map(({ name }) => name).join(", "),
      ...locator.locate(["columns"]),
      hint: `add them to columns: ${columnList(extra)}`,
    });
  }
  if (spec.freshness === null) return found;
  const { time_column } = spec.freshness;
  const column = columns.find(({ name }) => name.toLowerCase() === time_column.toLowerCase());
  if (column === undefined || !TIME_TYPES.test(column.type)) {
    const names = columns.map(({ name }) => name);
    found.push({
      severity: "error",
      code: "freshness_column",
      message: column === undefined
        ? `${spec.id}: there is no column "${time_column}" for its freshness`
        : `${spec.id}: column "${time_column}" is ${column.type}, which is no time`,
      ...locator.locate(["freshness", "time_column"]),
      hint: column === undefined
        ? didYouMean(time_column, names) ?? `there is: ${names.slice(0, 10).join(", ")}`
        : `read it as one: columns: {${time_column}: TIMESTAMP}`,
    });
  }
  return found;
}

/** True for a source that no script makes. */
export function isSource(spec: NodeSpec): spec is SourceSpec {
  return spec.kind === "source" && "source" in spec && "contract" in spec;
}

/** What a source has to be looked at again for besides its text and data. */
export function contractKey(spec: NodeSpec): unknown[] {
  if (!isSource(spec) || spec.contract === "ignore") return [];
  return [spec.contract, spec.columns.map(({ name, type }) => [name, type])];
}
