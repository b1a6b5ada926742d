import type { DraftColumn } from "./column_roles.ts";
import {
  type CodeDraft,
  type DraftContext,
  head,
  inputsOf,
  SAMPLE_COLUMNS,
  SAMPLE_ROLES,
  yamlText,
} from "./draft_template.ts";
import { EVENT_TIME, groupFields } from "./feature_drafts.ts";

/** A column that a script returns, and the column of the input that it comes from. */
interface ScriptColumn extends DraftColumn {
  readonly from: string;
}

/** What a script is written for. */
interface ScriptDraft {
  /** Node that it reads; null where it makes its rows up. */
  readonly id: string | null;
  readonly columns: readonly ScriptColumn[];
}

/** More columns would hide what the script does. */
const MOST_COLUMNS = 8;
const SCALAR =
  /^(BOOLEAN|U?(TINY|SMALL|BIG)?INT|INTEGER|UINTEGER|DOUBLE|FLOAT|DECIMAL\(\d+,\s?\d+\)|VARCHAR|DATE|TIMESTAMP)$/;

/** Rows for a script that reads nothing, in the order of the sample's columns. */
const SAMPLE_ROWS: readonly (readonly (number | string)[])[] = [
  [1, 10, "2026-01-05", "paid", 30],
  [2, 11, "2026-01-05", "paid", 12.5],
  [3, 10, "2026-01-06", "returned", 30],
];

/** A node whose rows a function makes, as a file of its own. */
export function scriptDraft(
  kind: string,
  language: "typescript" | "python",
  context: DraftContext,
): CodeDraft {
  const own = kind === "source" ? { ...context, input: null } : context;
  if (kind === "model") return modelDraft(language, context);
  const { input } = own;
  const draft: ScriptDraft = {
    id: input?.id ?? null,
    columns: kind === "feature_group" ? featureColumns(input) : plainColumns(input),
  };
  const group = kind === "feature_group" ? `${groupFields(own)}${EVENT_TIME}` : "";
  return {
    fields: `${head(kind, context)}${group}${inputsOf(draft.id)}${columnsField(draft.columns)}`,
    code: language === "typescript" ? typeScript(draft) : python(draft, context.packages),
  };
}

/** Fields of a model whose script is a file besides. */
export function modelFields(context: DraftContext): string {
  const { id, columns } = modelRows(context);
  return `${head("model", context)}${inputsOf(id)}${columnsField(columns)}`;
}

/** The script of a model. */
export function modelDraft(
  language: "typescript" | "python",
  context: DraftContext,
): CodeDraft {
  const rows = modelRows(context);
  return {
    fields: modelFields(context),
    code: language === "typescript" ? typeScriptModel(rows) : pythonModel(rows, context.packages),
  };
}

function columnsField(columns: readonly DraftColumn[]): string {
  const lines = columns.map(({ name, type }) => `  ${yamlText(name)}: ${type}\n`);
  return `# What the function returns: its rows are cast to these types.\ncolumns:\n${
    lines.join("")
  }`;
}

function plainColumns(input: DraftContext["input"]): ScriptColumn[] {
  return (input?.columns ?? SAMPLE_COLUMNS).filter(({ type }) => SCALAR.test(type))
    .slice(0, MOST_COLUMNS).map((column) => ({ ...column, from: column.name }));
}

function featureColumns(input: DraftContext["input"]): ScriptColumn[] {
  const { key, time, number } = input?.roles ?? SAMPLE_ROLES;
  return [
    { ...key!, from: key!.name },
    { name: "event_time", type: time!.type, from: time!.name },
    ...(number === null ? [] : [{ ...number, from: number.name }]),
  ];
}

interface ModelRows {
  readonly id: string | null;
  readonly columns: readonly DraftColumn[];
  readonly key: DraftColumn;
  readonly label: DraftColumn;
}

function modelRows({ input }: DraftContext): ModelRows {
  const { key, number } = input?.roles ?? SAMPLE_ROLES;
  const prediction = { name: "prediction", type: "DOUBLE" };
  return {
    id: input?.id ?? null,
    columns: [key!, prediction],
    key: key!,
    label: number!,
  };
}

const q = (text: string) => JSON.stringify(text);

function typeScript({ id, columns }: ScriptDraft): string {
  if (id === null) {
    return `
/** Returns the rows: objects, an Arrow table, or an iterator of either. */
export default function () {
  return [
${sampleObjects(columns).map((row) => `    ${jsObject(row)},`).join("\n")}
  ];
}
`;
  }
  const fields = columns.map(({ name, from }) => `      ${q(name)}: row[${q(from)}],`);
  return `
type Row = Record<string, unknown>;

/**
 * Inputs by their ids; each is an Arrow table with rows() besides. Returns the rows: objects, an Arrow table,
 * or an iterator of either. context has params, log(), metric() and artifact().
 */
export default function* (inputs: Record<string, { rows(): Iterable<Row> }>) {
  for (const row of inputs[${q(id)}].rows()) {
    yield {
${fields.join("\n")}
    };
  }
}
`;
}

function python({ id, columns }: ScriptDraft, packages: readonly string[]): string {
  const header = pythonPackages(packages);
  if (id === null) {
    return `${header}

def run(inputs, context):
    """Returns the rows: dicts, or a data frame of pandas, polars, pyarrow or DuckDB."""
    return [
${sampleObjects(columns).map((row) => `        ${pyDict(row)},`).join("\n")}
    ]
`;
  }
  const fields = columns.map(({ name, from }) => `            ${q(name)}: row[${q(from)}],`);
  return `${header}

def run(inputs, context):
    """Inputs by their ids: rows() gives dicts, path is a Parquet file.

    Returns the rows: dicts, or a data frame of pandas, polars, pyarrow or DuckDB.
    context has params, log(), metric() and artifact().
    """
    for row in inputs[${q(id)}].rows():
        yield {
${fields.join("\n")}
        }
`;
}

function pythonPackages(packages: readonly string[]): string {
  return packages.length === 0
    ? ""
    : `# /// script\n# dependencies = [${packages.map(q).join(", ")}]\n# ///\n`;
}

function typeScriptModel({ id, key, label }: ModelRows): string {
  const rows = id === null
    ? `[\n${
      sampleObjects([key, label].map((column) => ({ ...column, from: column.name })))
        .map((row) => `    ${jsObject(row)},`).join("\n")
    }\n  ]`
    : `[...inputs[${q(id)}].rows()]`;
  return `
type Row = Record<string, unknown>;

interface Context {
  readonly params: Row;
  readonly training: Row;
  metric(name: string, value: number): void;
  artifact(content: string | Uint8Array): void;
}

/** Trains a model and predicts with it. Metrics and the artifact are kept with the rows. */
export default function (
  inputs: Record<string, { rows(): Iterable<Row> }>,
  context: Context,
) {
  const rows: Row[] = ${rows};
  // The mean, which any other model has to beat.
  const labels = rows.map((row) => Number(row[${q(label.name)}]));
  const mean = labels.reduce((sum, label) => sum + label, 0) / Math.max(labels.length, 1);
  const errors = labels.map((label) => Math.abs(label - mean));
  const error = errors.reduce((sum, size) => sum + size, 0) / Math.max(errors.length, 1);
  context.metric("mean_absolute_error", error);
  context.artifact(JSON.stringify({ mean }));
  return rows.map((row) => ({ ${q(key.name)}: row[${q(key.name)}], prediction: mean }));
}
`;
}

function pythonModel({ id, key, label }: ModelRows, packages: readonly string[]): string {
  const rows = id === null
    ? `[\n${
      sampleObjects([key, label].map((column) => ({ ...column, from: column.name })))
        .map((row) => `        ${pyDict(row)},`).join("\n")
    }\n    ]`
    : `list(inputs[${q(id)}].rows())`;
  return `${pythonPackages(packages)}
import json


def run(inputs, context):
    """Trains a model and predicts with it. Metrics and the artifact are kept with the rows."""
    rows = ${rows}
    # The mean, which any other model has to beat.
    labels = [float(row[${q(label.name)}] or 0) for row in rows]
    mean = sum(labels) / max(len(labels), 1)
    error = sum(abs(label - mean) for label in labels) / max(len(labels), 1)
    context.metric("mean_absolute_error", error)
    context.artifact(json.dumps({"mean": mean}).encode())
    return [{${q(key.name)}: row[${q(key.name)}], "prediction": mean} for row in rows]
`;
}

type Sample = readonly (readonly [string, number | string])[];

function sampleObjects(columns: readonly ScriptColumn[]): Sample[] {
  return SAMPLE_ROWS.map((row) =>
    columns.map(({ name, from }) => {
      const at = SAMPLE_COLUMNS.findIndex((column) => column.name === from);
      return [name, row[at]!] as const;
    })
  );
}

function jsObject(row: Sample): string {
  return `{ ${row.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(", ")} }`;
}

function pyDict(row: Sample): string {
  return `{${row.map(([name, value]) => `${q(name)}: ${JSON.stringify(value)}`).join(", ")}}`;
}
