import type { TableWrite } from "../model/materialization.ts";
import type { LoadedTable } from "./catalog.ts";
import type { DataFile } from "./manifest.ts";
import { type Layout, partitioning, planLayout } from "./plan_write.ts";
import { partitionSpecFor } from "./partition_transforms.ts";
import { planScan } from "./scan.ts";
import { evolveSchema } from "./schema_evolution.ts";
import { contentOf, KEYS } from "./table_content.ts";
import { currentSchema, currentSnapshot, specById } from "./table_files.ts";
import type { IcebergType, SchemaField, TableMetadata } from "./table_metadata.ts";

/** Files of another table that hold the very rows. */
export interface SharedFiles {
  readonly layout: Layout;
  readonly added: readonly DataFile[];
  readonly removed: "all";
  readonly rows: number;
  readonly checksum: null;
  readonly shared: true;
}

/**
 * The files of `like`, when they can be listed by the written table as they are: it holds the content,
 * nothing is deleted from its files, and field ids, types and partitioning are the same. Null: the rows must be written.
 */
export async function sharedFiles(
  write: TableWrite,
  table: LoadedTable | null,
  like: LoadedTable | null,
): Promise<SharedFiles | null> {
  if (like === null || write.spec.mode !== "full") return null;
  if (contentOf(like.metadata)?.contentHash !== write.content_hash) return null;
  if (isOwnFiles(like.metadata) || (table !== null && isOwnFiles(table.metadata))) return null;
  const layout = sharedLayout(write, table, like.metadata);
  if (layout === null) return null;
  const spec = like.metadata["default-spec-id"];
  const { files } = await planScan(
    like.storage,
    like.metadata,
    currentSnapshot(like.metadata),
    currentSchema(like.metadata),
  );
  const isPlain = files.every((scan) =>
    scan.specId === spec && scan.positionDeletes.length + scan.equalityDeletes.length === 0
  );
  const rows = files.reduce((sum, { file }) => sum + file.recordCount, 0);
  if (!isPlain || rows !== write.rows) return null;
  return {
    layout,
    added: files.map(({ file }) => file),
    removed: "all",
    rows,
    checksum: null,
    shared: true,
  };
}

function isOwnFiles(metadata: TableMetadata): boolean {
  return metadata.properties[KEYS.ownFiles] === "true";
}

function sharedLayout(
  write: TableWrite,
  table: LoadedTable | null,
  like: TableMetadata,
): Layout | null {
  const schema = currentSchema(like);
  const evolution = evolveSchema(schema, write.columns, like["last-column-id"], {
    policy: "strict",
    replacesAll: true,
  });
  if (evolution.changes.length + evolution.problems.length > 0) return null;
  const spec = specById(like, like["default-spec-id"]);
  if (table === null) {
    const wanted = partitionSpecFor(write.spec.partition_by ?? [], schema, 0);
    if (partitioning(wanted) !== partitioning(spec)) return null;
    if (spec.fields.length !== wanted.fields.length) return null;
    return {
      schema: { ...schema, "schema-id": 0 },
      spec: { ...spec, "spec-id": 0 },
      lastColumnId: like["last-column-id"],
      isNewSchema: true,
      isNewSpec: true,
      changes: [],
      problems: [],
    };
  }
  const layout = planLayout(write, table.metadata);
  const isSame = fieldLayout(layout.schema.fields) === fieldLayout(schema.fields) &&
    partitioning(layout.spec) === partitioning(spec) &&
    layout.spec.fields.length === spec.fields.length;
  return isSame && layout.problems.length === 0 ? layout : null;
}

/** Ids, names and types of fields, nested ones too; their documentation makes no difference. */
function fieldLayout(fields: readonly SchemaField[]): string {
  const of = (type: IcebergType): unknown => {
    if (typeof type === "string") return type;
    switch (type.type) {
      case "struct":
        return type.fields.map((field) => [field.id, field.name, of(field.type)]);
      case "list":
        return ["list", type["element-id"], of(type.element)];
      case "map":
        return ["map", type["key-id"], of(type.key), type["value-id"], of(type.value)];
    }
  };
  return JSON.stringify(fields.map((field) => [field.id, field.name, of(field.type)]));
}
