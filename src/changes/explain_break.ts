import { didYouMean } from "../base/closest.ts";
import type { NodeId } from "../model/ids.ts";
import type { QueryShape } from "../model/manifest.ts";
import { compareColumns } from "./compare_columns.ts";

/** An input of a query that no longer binds, as it was and as it is. */
export interface ChangedInput {
  readonly id: NodeId;
  readonly before: QueryShape;
  readonly after: QueryShape;
}

/** Why a query that used to bind does not any more. */
export interface BreakCause {
  /** `transform.users no longer returns email`. */
  readonly cause: string;
  /** What to write instead, if that can be guessed. */
  readonly hint: string | null;
}

/** Names in the text of a query that fails, lower case. */
export interface BrokenWords {
  /** Those on the line that the engine points at. */
  readonly near: ReadonlySet<string>;
  readonly all: ReadonlySet<string>;
}

/** The column an engine's message is about: missing, ambiguous, or of the wrong type. */
export function columnInMessage(message: string): string | null {
  return /column (?:named? )?"([^"]+)"/i.exec(message)?.[1] ??
    /^Referenced column (\S+) not found/.exec(message)?.[1] ?? null;
}

/**
 * Finds the change upstream that made a query fail. A type is followed up to the node where
 * it changed, as far as `find` knows nodes. Null when no input's columns changed in a way
 * that matters.
 */
export function explainBreak(
  message: string,
  words: BrokenWords,
  inputs: readonly ChangedInput[],
  find: (id: NodeId) => ChangedInput | null,
): BreakCause | null {
  const column = columnInMessage(message);
  const isAmbiguous = /ambiguous/i.test(message);
  const causes = inputs.flatMap((input) => {
    if (column === null) return [];
    return (isAmbiguous ? ambiguity(column, input) : loss(column, input)) ?? [];
  });
  if (causes[0] !== undefined) return causes[0];
  const retyped = [words.near, words.all].flatMap((names) =>
    inputs.flatMap((input) => retypedColumns(names, input, find) ?? [])
  );
  return retyped[0] ??
    inputs.map((input) => starChange(words.all, input)).find((c) => c !== null) ??
    null;
}

function loss(column: string, { id, before, after }: ChangedInput): BreakCause | null {
  const { changes } = compareColumns(before.columns, after.columns);
  const name = column.toLowerCase();
  const rename = changes.renamed.map((text) => text.split(" -> "))
    .find(([from]) => from!.toLowerCase() === name);
  if (rename !== undefined) {
    return {
      cause: `${id} renamed ${rename[0]} to ${rename[1]}`,
      hint: `did you mean "${rename[1]}"?`,
    };
  }
  if (!changes.removed.some((removed) => removed.toLowerCase() === name)) return null;
  const added = didYouMean(column, changes.added);
  return { cause: `${id} no longer returns ${column}`, hint: added ?? null };
}

function ambiguity(column: string, { id, before, after }: ChangedInput): BreakCause | null {
  const { changes } = compareColumns(before.columns, after.columns);
  const come = [...changes.added, ...changes.renamed.map((text) => text.split(" -> ")[1]!)];
  if (!come.some((added) => added.toLowerCase() === column.toLowerCase())) return null;
  return {
    cause: `${id} now returns ${column} as well`,
    hint: `write which one is meant: alias.${column}`,
  };
}

/**
 * The columns that the text names and that have another type than before; with `*` the first
 * one. All of those that changed in one place are told: the text does not say which one matters.
 */
function retypedColumns(
  words: ReadonlySet<string>,
  input: ChangedInput,
  find: (id: NodeId) => ChangedInput | null,
): BreakCause | null {
  const retyped = input.after.columns.filter(({ name }) => typesOf(name, input) !== null);
  const spelled = retyped.filter(({ name }) => words.has(name.toLowerCase()));
  const named = spelled.length === 0 && words.has("*") ? retyped.slice(0, 1) : spelled;
  const traced = named.map(({ name }) => ({ name, origin: originOf(name, input, find) }));
  const source = traced[0]?.origin.input;
  if (source === undefined) return null;
  const changed = traced.filter(({ origin }) => origin.input.id === source.id)
    .map(({ name, origin: { column } }) => {
      const [was, is] = typesOf(column, source)!;
      return { name, column, was, is };
    });
  const list = changed.map(({ column, was, is }) => `${column} from ${was} to ${is}`);
  const declared = changed.map(({ column, was }) => `${column}: ${was}`);
  const casts = changed.map(({ name, was }) => `CAST(${name} AS ${was})`);
  return {
    cause: `${source.id} changed the type of ${list.join(", of ")}`,
    hint: source.id.startsWith("source.")
      ? `if the data are right, declare the ${
        changed.length === 1 ? "type" : "types"
      } in the source: columns: {${declared.join(", ")}}`
      : `cast ${changed.length === 1 ? "it where it is" : "them where they are"} read: ${
        casts.join(", ")
      }`,
  };
}

/** Types of a column before and after; null where they are the same. */
function typesOf(name: string, { before, after }: ChangedInput): [string, string] | null {
  const of = (shape: QueryShape) =>
    shape.columns.find((column) => column.name.toLowerCase() === name.toLowerCase())?.type;
  const [was, is] = [of(before), of(after)];
  return was === undefined || is === undefined || was === is ? null : [was, is];
}

/** The column further up with which the change of a type began. */
function originOf(
  column: string,
  input: ChangedInput,
  find: (id: NodeId) => ChangedInput | null,
): { column: string; input: ChangedInput } {
  const reads = Object.entries(input.after.lineage?.columns[column] ?? {});
  for (const [id, columns] of reads) {
    const above = find(id as NodeId);
    const moved = above === null
      ? undefined
      : columns.find((name) => typesOf(name, above) !== null);
    if (above !== null && moved !== undefined) return originOf(moved, above, find);
  }
  return { column, input };
}

/** Whatever happened to the columns of an input that is read by `*`. */
function starChange(
  words: ReadonlySet<string>,
  { id, before, after }: ChangedInput,
): BreakCause | null {
  if (!words.has("*")) return null;
  const { changes, reordered } = compareColumns(before.columns, after.columns);
  const parts = [
    ...(changes.added.length > 0 ? [`added ${changes.added.join(", ")}`] : []),
    ...(changes.removed.length > 0 ? [`removed ${changes.removed.join(", ")}`] : []),
    ...(changes.renamed.length > 0 ? [`renamed ${changes.renamed.join(", ")}`] : []),
    ...(reordered ? ["put its columns into another order"] : []),
  ];
  return parts.length === 0
    ? null
    : { cause: `${id} ${parts.join(", ")}`, hint: "name the columns instead of writing *" };
}
