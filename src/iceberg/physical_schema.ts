import { quoteList, quoteText } from "../engine/quote.ts";
import type { Session } from "../engine/session.ts";
import { type DuckType, duckTypeSql, parseDuckType } from "./duck_type.ts";

/** A column of a Parquet file, or a part of one, as DuckDB reads it. */
export interface PhysicalField {
  readonly name: string;
  /** Null where the file's writer gave none. */
  readonly id: number | null;
  readonly type: DuckType;
  /** Of a struct its fields, of a list the element, of a map key and value. */
  readonly children: readonly PhysicalField[];
}

/** Files whose columns are the same in every respect. */
export interface PhysicalGroup {
  readonly fields: readonly PhysicalField[];
  readonly paths: readonly string[];
}

/** A line of `parquet_schema`. */
interface SchemaNode {
  readonly name: string;
  readonly id: number | null;
  readonly isRepeated: boolean;
  readonly children: SchemaNode[];
}

/** Files read at once: their schemas are held as text. */
const FILES_AT_ONCE = 256;

/** Looks at the footers of Parquet files on this disk and groups files of one schema. */
export async function physicalGroups(
  session: Session,
  paths: readonly string[],
): Promise<PhysicalGroup[]> {
  const groups = new Map<string, { root: SchemaNode; paths: string[] }>();
  for (let i = 0; i < paths.length; i += FILES_AT_ONCE) {
    const { rows } = await session.read(
      `SELECT file_name, name, num_children, field_id, repetition_type, type, type_length, CAST(logical_type AS VARCHAR), converted_type
      FROM parquet_schema(${quoteList(paths.slice(i, i + FILES_AT_ONCE))})`,
    );
    for (const [path, lines] of Map.groupBy(rows, (row) => String(row[0]))) {
      const key = JSON.stringify(lines.map((line) => line.slice(1)));
      const group = groups.get(key) ?? { root: treeOf(lines), paths: [] };
      group.paths.push(path);
      groups.set(key, group);
    }
  }
  return await Promise.all(
    [...groups.values()].map(async (group) => ({
      fields: await fieldsOf(session, group.root, group.paths[0] ?? ""),
      paths: group.paths,
    })),
  );
}

function treeOf(lines: readonly (readonly unknown[])[]): SchemaNode {
  let at = 0;
  const next = (): SchemaNode => {
    const [, name, children, id, repetition] = lines[at++] ?? [];
    const node: SchemaNode = {
      name: String(name),
      id: id === null || id === undefined ? null : Number(id),
      isRepeated: repetition === "REPEATED",
      children: [],
    };
    for (let i = Number(children ?? 0); i > 0; i--) node.children.push(next());
    return node;
  };
  return next();
}

async function fieldsOf(
  session: Session,
  root: SchemaNode,
  path: string,
): Promise<PhysicalField[]> {
  const { rows } = await session.read(
    `DESCRIBE SELECT * FROM read_parquet(${quoteText(path)}, hive_partitioning = false)`,
  );
  return rows.map(([name, type], i) =>
    fieldOf(String(name), root.children[i], parseDuckType(String(type)))
  );
}

function fieldOf(name: string, node: SchemaNode | undefined, type: DuckType): PhysicalField {
  const id = node?.id ?? null;
  switch (type.kind) {
    case "scalar":
      return { name, id, type, children: [] };
    case "struct":
      return {
        name,
        id,
        type,
        children: type.fields.map((field, i) => fieldOf(field.name, node?.children[i], field.type)),
      };
    case "list":
      return { name, id, type, children: [fieldOf("element", elementOf(node), type.element)] };
    case "map": {
      const pair = node?.children[0];
      return {
        name,
        id,
        type,
        children: [
          fieldOf("key", pair?.children[0], type.key),
          fieldOf("value", pair?.children[1], type.value),
        ],
      };
    }
  }
}

/** Lists have a level between them and their elements, except for those of old writers. */
function elementOf(node: SchemaNode | undefined): SchemaNode | undefined {
  if (node?.isRepeated) return { ...node, isRepeated: false };
  const middle = node?.children[0];
  const isOldStyle = middle !== undefined && middle.isRepeated &&
    (middle.children.length !== 1 || middle.name === "array" || middle.name.endsWith("_tuple"));
  return isOldStyle ? middle : middle?.children[0];
}

/** True when both are read as one type, also inside. */
export function isReadAs(field: PhysicalField, type: DuckType): boolean {
  return duckTypeSql(field.type) === duckTypeSql(type);
}
