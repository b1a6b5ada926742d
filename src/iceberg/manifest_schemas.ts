import type { AvroField, AvroSchema } from "./avro_file.ts";
import { decimalBytes } from "./single_value.ts";
import { decimalOf, fixedLength } from "./types.ts";
import type { PartitionSpec, PrimitiveType } from "./table_metadata.ts";

/** Avro schemas of manifests and manifest lists, with the field ids of the specification. */

function required(name: string, id: number, type: AvroSchema): AvroField {
  return { name, type, "field-id": id };
}

function optional(name: string, id: number, type: AvroSchema): AvroField {
  return { name, type: ["null", type], default: null, "field-id": id };
}

/** A map from field ids, which Avro's maps cannot have for keys. */
function idMap(keyId: number, valueId: number, value: AvroSchema): AvroSchema {
  return {
    type: "array",
    logicalType: "map",
    items: {
      type: "record",
      name: `k${keyId}_v${valueId}`,
      fields: [required("key", keyId, "int"), required("value", valueId, value)],
    },
  };
}

function list(elementId: number, items: AvroSchema): AvroSchema {
  return { type: "array", items, "element-id": elementId };
}

/** Schema of a manifest's entries for a partition spec. */
export function entrySchema(
  spec: PartitionSpec,
  types: readonly PrimitiveType[],
): AvroSchema {
  const defined = new Set<string>();
  const partition = spec.fields.map((field, i) =>
    optional(avroName(field.name), field["field-id"], partitionType(types[i] ?? "int", defined))
  );
  return {
    type: "record",
    name: "manifest_entry",
    fields: [
      required("status", 0, "int"),
      optional("snapshot_id", 1, "long"),
      optional("sequence_number", 3, "long"),
      optional("file_sequence_number", 4, "long"),
      required("data_file", 2, {
        type: "record",
        name: "r2",
        fields: [
          required("content", 134, "int"),
          required("file_path", 100, "string"),
          required("file_format", 101, "string"),
          required("partition", 102, { type: "record", name: "r102", fields: partition }),
          required("record_count", 103, "long"),
          required("file_size_in_bytes", 104, "long"),
          optional("column_sizes", 108, idMap(117, 118, "long")),
          optional("value_counts", 109, idMap(119, 120, "long")),
          optional("null_value_counts", 110, idMap(121, 122, "long")),
          optional("nan_value_counts", 137, idMap(138, 139, "long")),
          optional("lower_bounds", 125, idMap(126, 127, "bytes")),
          optional("upper_bounds", 128, idMap(129, 130, "bytes")),
          optional("key_metadata", 131, "bytes"),
          optional("split_offsets", 132, list(133, "long")),
          optional("equality_ids", 135, list(136, "int")),
          optional("sort_order_id", 140, "int"),
          optional("referenced_data_file", 143, "string"),
        ],
      }),
    ],
  };
}

/** A named type may be defined once only; later fields refer to it. */
function partitionType(type: PrimitiveType, defined: Set<string>): AvroSchema {
  const schema = avroType(type);
  if (typeof schema === "string" || schema.name === undefined) return schema;
  if (defined.has(schema.name)) return schema.name;
  defined.add(schema.name);
  return schema;
}

function avroType(type: PrimitiveType): Exclude<AvroSchema, readonly AvroSchema[]> {
  const decimal = decimalOf(type);
  if (decimal !== null) {
    return {
      type: "fixed",
      name: `decimal_${decimal.precision}_${decimal.scale}`,
      size: decimalBytes(decimal.precision),
      logicalType: "decimal",
      ...decimal,
    };
  }
  const length = fixedLength(type);
  if (length !== null) return { type: "fixed", name: `fixed_${length}`, size: length };
  switch (type) {
    case "date":
      return { type: "int", logicalType: "date" };
    case "time":
      return { type: "long", logicalType: "time-micros" };
    case "timestamp":
    case "timestamptz":
      return {
        type: "long",
        logicalType: "timestamp-micros",
        "adjust-to-utc": type === "timestamptz",
      };
    case "uuid":
      return { type: "fixed", name: "uuid_fixed", size: 16, logicalType: "uuid" };
    case "binary":
      return "bytes";
    default:
      return type;
  }
}

/** Schema of a manifest list. */
export const MANIFEST_LIST_SCHEMA: AvroSchema = {
  type: "record",
  name: "manifest_file",
  fields: [
    required("manifest_path", 500, "string"),
    required("manifest_length", 501, "long"),
    required("partition_spec_id", 502, "int"),
    required("content", 517, "int"),
    required("sequence_number", 515, "long"),
    required("min_sequence_number", 516, "long"),
    required("added_snapshot_id", 503, "long"),
    required("added_files_count", 504, "int"),
    required("existing_files_count", 505, "int"),
    required("deleted_files_count", 506, "int"),
    required("added_rows_count", 512, "long"),
    required("existing_rows_count", 513, "long"),
    required("deleted_rows_count", 514, "long"),
    optional("partitions", 507, {
      type: "array",
      "element-id": 508,
      items: {
        type: "record",
        name: "r508",
        fields: [
          required("contains_null", 509, "boolean"),
          optional("contains_nan", 518, "boolean"),
          optional("lower_bound", 510, "bytes"),
          optional("upper_bound", 511, "bytes"),
        ],
      },
    }),
    optional("key_metadata", 519, "bytes"),
  ],
};

/** A field's name in Avro: other characters than letters, digits and `_` as `_x<hex>`, as the Java library writes them. */
export function avroName(name: string): string {
  const escaped = name.replaceAll(
    /[^A-Za-z0-9_]/gu,
    (mark) => `_x${(mark.codePointAt(0) ?? 0).toString(16).toUpperCase()}`,
  );
  return /^[0-9]/.test(escaped) ? `_${escaped}` : escaped;
}

/** Ids of the fields of manifests and manifest lists by name, also by the names that version 1 had. */
export const FIELD_IDS: ReadonlyMap<string, number> = new Map([
  ...idsIn(MANIFEST_LIST_SCHEMA),
  ...idsIn(entrySchema({ "spec-id": 0, fields: [] }, [])),
  ["added_data_files_count", 504],
  ["existing_data_files_count", 505],
  ["deleted_data_files_count", 506],
]);

function idsIn(schema: AvroSchema): [string, number][] {
  if (typeof schema === "string") return [];
  if (isUnion(schema)) return schema.flatMap(idsIn);
  const { fields = [], items = "null" } = schema;
  return [
    ...fields.flatMap((field): [string, number][] => [
      [field.name, field["field-id"] ?? -1],
      ...idsIn(field.type),
    ]),
    ...idsIn(items),
  ].filter(([name]) => name !== "key" && name !== "value");
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema);
}
