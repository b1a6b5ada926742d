import type { NodeId } from "../../model/ids.ts";
import type { NodeSpec } from "../../model/node.ts";
import { quoteName } from "../../engine/quote.ts";
import type { SampleTest } from "./sample_test.ts";
import type { ColumnRoles, DraftColumn, Wanted } from "./column_roles.ts";

/** Languages that a draft can be written in. */
export type DraftLanguage = "yaml" | "sql" | "typescript" | "python";

/** Ends of the files of a language. */
export const ENDINGS: Readonly<Record<DraftLanguage, string>> = {
  yaml: "yml",
  sql: "sql",
  typescript: "ts",
  python: "py",
};

/** A node of the project that a draft reads. */
export interface DraftInput {
  readonly id: NodeId;
  readonly kind: string;
  readonly columns: readonly DraftColumn[];
  readonly roles: ColumnRoles;
  /** The node as its author wrote it. */
  readonly spec: NodeSpec;
  /** True where its query may return something else every time. */
  readonly isVolatile: boolean;
}

/** What a draft is written for. */
export interface DraftContext {
  readonly name: string;
  readonly description: string;
  /** Null in a project that has nothing suitable: the draft then brings sample rows along. */
  readonly input: DraftInput | null;
  /** Rows of a test of that node; absent: none was asked for. */
  readonly test?: SampleTest;
  /** Packages that a Python script declares. */
  readonly packages: readonly string[];
  /** True for a file of the project that is there already, by its path. */
  exists(path: string): boolean;
}

/** A file of sample rows that a draft reads. */
export interface SampleFile {
  /** Project-relative. */
  readonly path: string;
  readonly text: string;
}

/** A draft as text. */
export interface DraftText {
  /** Without the comment that names the schema. */
  readonly text: string;
  readonly samples: readonly SampleFile[];
}

/** How drafts of one kind begin. Whatever a template writes plans and runs as it is. */
export interface DraftTemplate {
  /** Kind of a node, `test`, or a kind of a snippet. */
  readonly kind: string;
  /** Which nodes it may read: any with rows, those of some kinds, or none. */
  readonly reads: "rows" | readonly string[] | null;
  /** Columns that such a node must have. */
  readonly wants: readonly Wanted[];
  /** Why a node does not suit besides; null where it does. */
  readonly suits?: (input: DraftInput) => string | null;
  yaml(context: DraftContext): DraftText;
  /** Fields and the SELECT of a `.sql` file; absent where SQL makes no such node. */
  readonly sql?: (context: DraftContext) => CodeDraft;
}

/** A node whose text is code. */
export interface CodeDraft {
  /** YAML of the header's fields. */
  readonly fields: string;
  readonly code: string;
}

/** A draft without files of its own. */
export function plain(text: string): DraftText {
  return { text, samples: [] };
}

/** A text as a YAML scalar. */
export function yamlText(text: string): string {
  const isPlain = /^[\p{L}_][\p{L}\p{N}_.()/' -]*$/u.test(text) && !text.endsWith(" ") &&
    !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}

/** Names and their quotes where SQL needs them. */
export function sqlName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/i.test(name) && !RESERVED.has(name.toLowerCase())
    ? name
    : quoteName(name);
}

/** Words that DuckDB takes for something else than a name. */
const RESERVED = new Set(
  ("all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create " +
    "default deferrable desc describe distinct do else end except false fetch for foreign from group having in " +
    "initially intersect into lambda lateral leading limit not null offset on only or order pivot placing primary " +
    "qualify references returning select show some summarize symmetric table then to trailing true union unique " +
    "unpivot using variadic when where window with").split(" "),
);

/** Lines set in by so many places. */
export function indent(text: string, places: number): string {
  return text.split("\n").map((line) => line === "" ? "" : " ".repeat(places) + line).join("\n");
}

/** Head of every node's draft: kind, name, description. */
export function head(kind: string, { name, description }: DraftContext): string {
  return `kind: ${kind}\nname: ${yamlText(name)}\ndescription: ${yamlText(description)}\n`;
}

/** `inputs:` with the node that a draft reads. */
export function inputsOf(id: string | null): string {
  return id === null ? "" : `inputs:\n  - ref: ${id}\n`;
}

/** Columns in a query, each on a line of its own; `*` for very many. */
export function selectList(columns: readonly DraftColumn[]): string {
  return columns.length > 30 ? "  *" : columns.map(({ name }) => `  ${sqlName(name)}`).join(",\n");
}

/** Optional fields that every node with rows has, as comments. */
export function commonOptions(columns: readonly DraftColumn[]): string {
  const first = columns[0]?.name ?? "id";
  return `
# Further fields; "seeknal schema" has them all.
# owner: data@example.com          # whom to ask
# tags: [daily]                    # words to select by: seeknal run --tags daily
# grain: [${yamlText(first)}]  # columns that tell its rows apart
# audits:                          # checks that its rows have to pass
#   - type: not_null
#     columns: [${yamlText(first)}]
# materializations:                # tables outside that its rows are written to; connections: profiles.yml
#   - type: postgresql
#     connection: warehouse
#     table: analytics.orders
`;
}

/** Columns of {@linkcode SAMPLE_SQL}. */
export const SAMPLE_COLUMNS: readonly DraftColumn[] = [
  { name: "order_id", type: "INTEGER" },
  { name: "customer_id", type: "INTEGER" },
  { name: "order_date", type: "DATE" },
  { name: "status", type: "VARCHAR" },
  { name: "amount", type: "DECIMAL(10,2)" },
];

/** What they are good for. */
export const SAMPLE_ROLES: ColumnRoles = {
  key: SAMPLE_COLUMNS[1]!,
  time: SAMPLE_COLUMNS[2]!,
  category: SAMPLE_COLUMNS[3]!,
  number: SAMPLE_COLUMNS[4]!,
};

/** A few rows that need no input. */
export const SAMPLE_SQL = `SELECT
  order_id,
  customer_id,
  order_date,
  status,
  CAST(amount AS DECIMAL(10, 2)) AS amount
FROM (VALUES
  (1, 10, DATE '2026-01-05', 'paid', 30.00),
  (2, 11, DATE '2026-01-05', 'paid', 12.50),
  (3, 10, DATE '2026-01-06', 'returned', 30.00),
  (4, 12, DATE '2026-01-07', 'paid', 99.90)
) AS sample (order_id, customer_id, order_date, status, amount)`;

/** A transform of sample rows as a document of its own, behind a draft that has nothing to read. */
export function sampleNode(name: string): string {
  return `---
# Sample rows, for there was no node to read. Read a node of the project instead, and remove this one.
kind: transform
name: ${yamlText(name)}
transform: |
${indent(SAMPLE_SQL, 2)}
`;
}

/** What a draft reads: a node of the project, or sample rows that come along as a document of their own. */
export interface DraftRows {
  readonly id: string;
  readonly columns: readonly DraftColumn[];
  readonly roles: ColumnRoles;
  /** Text to put behind the draft. */
  readonly document: string;
}

/** The node that was chosen for a draft, or sample rows. */
export function inputOrSample({ name, input }: DraftContext): DraftRows {
  if (input !== null) return { ...input, document: "" };
  const own = `${name}_rows`;
  return {
    id: `transform.${own}`,
    columns: SAMPLE_COLUMNS,
    roles: SAMPLE_ROLES,
    document: sampleNode(own),
  };
}
