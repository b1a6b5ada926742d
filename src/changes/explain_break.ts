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

/** The column an engine's message is about: missing, ambiguous, or of the wrong type. */
export function columnInMessage(message: string): string | null {
  return /column (?:named? )?"([^"]+)"/i.exec(message)?.[1] ?? null;
}

/**
 * Finds the change upstream that made a query fail. `words` are the names in the
 * query's text, lower case. Null when no input's columns changed in a way that matters.
 */
export function explainBreak(
  message: string,
  words: ReadonlySet<string>,
  inputs: readonly ChangedInput[],
): BreakCause | null {
  const column = columnInMessage(message);
  const isAmbiguous = /ambiguous/i.test(message);
  const causes = inputs.flatMap((input) => {
    if (column === null) return [];
    return (isAmbiguous ? ambiguity(column, input) : loss(column, input)) ?? [];
  });
  return causes[0] ?? inputs.map((input) => anyChange(words, input)).find((c) => c !== null) ??
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

/** Whatever else changed in columns that the text names; with `*` every column counts. */
function anyChange(
  words: ReadonlySet<string>,
  { id, before, after }: ChangedInput,
): BreakCause | null {
  const { changes, reordered } = compareColumns(before.columns, after.columns);
  const types = new Map(before.columns.map(({ name, type }) => [name.toLowerCase(), type]));
  const retyped = after.columns.filter(({ name, type }) => {
    const was = types.get(name.toLowerCase());
    return was !== undefined && was !== type;
  });
  const named = retyped.find(({ name }) => words.has(name.toLowerCase())) ??
    (words.has("*") ? retyped[0] : undefined);
  if (named !== undefined) {
    const was = types.get(named.name.toLowerCase())!;
    return {
      cause: `${id} changed the type of ${named.name} from ${was} to ${named.type}`,
      hint: `cast it where it is read: CAST(${named.name} AS ${was})`,
    };
  }
  if (!words.has("*")) return null;
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
