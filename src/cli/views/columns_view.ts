import type { ManifestNode } from "../../model/manifest.ts";
import type { Style } from "../terminal.ts";
import { alignColumns, displayWidth, fitText } from "./format.ts";

/** A line for each column of a node: name, type, what was written about it. Cut at `width`, unless it is null. */
export function columnLines(
  { shape, declared_columns, grain = [] }: Pick<
    ManifestNode,
    "shape" | "declared_columns" | "grain"
  >,
  style: Style,
  width: number | null,
): string[] {
  const described = new Map(
    declared_columns.map(({ name, description }) => [name.toLowerCase(), description]),
  );
  const rows = shape.columns.map(({ name, type }) => [
    name,
    type,
    grain.some((key) => key.toLowerCase() === name.toLowerCase()) ? "key" : "",
    described.get(name.toLowerCase())?.replace(/\s+/g, " ").trim() ?? "",
  ]);
  const room = rows.reduce((most, [name]) => Math.max(most, displayWidth(name!)), 0);
  return alignColumns(rows).map((line) => {
    const fitted = width === null ? line : fitText(line, Math.max(20, width - 2));
    return `  ${fitted.slice(0, room)}${style.dim(fitted.slice(room))}`;
  });
}
