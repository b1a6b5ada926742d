import type { TableWrite } from "../model/materialization.ts";
import { evolveSchema, newSchema } from "./schema_evolution.ts";
import { partitionSpecFor } from "./partition_transforms.ts";
import { currentSchema, specById } from "./table_files.ts";
import type { PartitionSpec, TableMetadata, TableSchema } from "./table_metadata.ts";

/** The columns and the partitioning that a table will have after a write. */
export interface Layout {
  readonly schema: TableSchema;
  readonly spec: PartitionSpec;
  readonly lastColumnId: number;
  /** What is not there yet and comes with the commit. */
  readonly isNewSchema: boolean;
  readonly isNewSpec: boolean;
  /** What changes, a line each. */
  readonly changes: readonly string[];
  /** Why it may not. */
  readonly problems: readonly string[];
}

/**
 * Plans how a table follows an output; `metadata` is null for a table that is not there yet.
 * Throws `UserError`s `unsupported_type` and `invalid_partition` (3).
 */
export function planLayout(write: TableWrite, metadata: TableMetadata | null): Layout {
  const { partition_by: partitionBy } = write.spec;
  if (metadata === null) {
    const { schema, lastColumnId } = newSchema(write.columns);
    return {
      schema,
      spec: partitionSpecFor(partitionBy ?? [], schema, 0),
      lastColumnId,
      isNewSchema: true,
      isNewSpec: true,
      changes: [],
      problems: [],
    };
  }
  const current = currentSchema(metadata);
  const evolution = evolveSchema(current, write.columns, metadata["last-column-id"], {
    policy: write.schema_evolution,
    replacesAll: write.spec.mode === "full",
  });
  const schema = evolution.changes.length === 0 ? current : knownSchema(metadata, {
    ...current,
    fields: evolution.fields,
  });
  const partitioning = planSpec(write, metadata, schema);
  return {
    schema,
    spec: partitioning.spec,
    lastColumnId: evolution.lastColumnId,
    isNewSchema: schema["schema-id"] !== current["schema-id"],
    isNewSpec: partitioning.spec["spec-id"] !== metadata["default-spec-id"],
    changes: [...evolution.changes, ...partitioning.changes],
    problems: [...evolution.problems, ...partitioning.problems],
  };
}

/** A schema under the id of an equal one that the table has had before, or the next free one. */
function knownSchema(metadata: TableMetadata, schema: TableSchema): TableSchema {
  const same = metadata.schemas.find((candidate) =>
    JSON.stringify(candidate.fields) === JSON.stringify(schema.fields)
  );
  const next = Math.max(...metadata.schemas.map((candidate) => candidate["schema-id"])) + 1;
  return same ?? { ...schema, "schema-id": next };
}

function planSpec(
  write: TableWrite,
  metadata: TableMetadata,
  schema: TableSchema,
): { readonly spec: PartitionSpec; readonly changes: string[]; readonly problems: string[] } {
  const current = specById(metadata, metadata["default-spec-id"]);
  const asked = write.spec.partition_by;
  const wanted = asked === undefined ? current : partitionSpecFor(
    asked,
    schema,
    0,
    metadata["last-partition-id"],
  );
  if (partitioning(wanted) !== partitioning(current)) {
    const text = `partitions by ${asked?.join(", ") || "nothing"}, where it was ${
      current.fields.map((field) => `${field.transform}(${field.name})`).join(", ") || "nothing"
    }`;
    const known = metadata["partition-specs"].find((spec) =>
      partitioning(spec) === partitioning(wanted)
    );
    const next = Math.max(...metadata["partition-specs"].map((spec) => spec["spec-id"])) + 1;
    return {
      spec: known ?? { ...wanted, "spec-id": next },
      changes: [text],
      problems: write.schema_evolution === "strict" ? [`it ${text}`] : [],
    };
  }
  const lost = current.fields.filter((field) =>
    field.transform !== "void" &&
    !schema.fields.some((candidate) => candidate.id === field["source-id"])
  );
  return {
    spec: current,
    changes: [],
    problems: lost.map((field) =>
      `the table is partitioned by ${field.name}, and its column would go or become another`
    ),
  };
}

/** What a spec does, apart from names and ids of its fields. */
export function partitioning(spec: PartitionSpec): string {
  return spec.fields.filter((field) => field.transform !== "void")
    .map((field) => `${field["source-id"]} ${field.transform}`).join(", ");
}
