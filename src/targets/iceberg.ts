import type { FieldReader } from "../base/field_reader.ts";
import type {
  MaterializationMode,
  MaterializationSpec,
  ValidationPolicy,
} from "../model/materialization.ts";
import type { SchemaEvolution } from "../model/profile.ts";
import { parsePartitionExpression } from "../iceberg/partition_transforms.ts";
import { COMMON_MATERIALIZATION } from "./materialization_schema.ts";
import type { TargetType } from "./target_type.ts";

/** Modes as they are written in a file. */
const MODES: Readonly<Record<string, MaterializationMode>> = {
  append: "append",
  overwrite: "full",
  full: "full",
  overwrite_partitions: "overwrite_partitions",
  upsert_by_key: "upsert_by_key",
  incremental_by_time: "incremental_by_time",
};

/** Fields that have a meaning with one mode only. */
const FIELDS_OF_MODES: Readonly<Record<string, MaterializationMode>> = {
  time_column: "incremental_by_time",
  lookback: "incremental_by_time",
  unique_keys: "upsert_by_key",
  null_keys: "upsert_by_key",
  duplicate_keys: "upsert_by_key",
};

const HINTS: Readonly<Record<string, string>> = {
  partition: "it is called partition_by",
  partitions: "it is called partition_by",
  unique_key: "it is called unique_keys",
  catalog: "the first part of table names the connection",
  namespace: "write it in table: catalog.namespace.table",
  column_types: "Iceberg's types follow those of the columns: cast them in the query",
};

/** Tables of an Iceberg catalog. */
export const ICEBERG_TARGET: TargetType = {
  name: "iceberg",
  summary: "Tables of an Iceberg catalog",
  schema: {
    ...COMMON_MATERIALIZATION,
    mode: { enum: Object.keys(MODES), description: "How rows get into the table; default: full" },
    partition_by: {
      type: ["array", "string"],
      items: { type: "string" },
      description: "Partition fields: region, day(ts), bucket(16, id)",
    },
  },
  parse,
  tableIn: (spec, environment) => {
    const parts = tableParts(spec.table);
    const problem = tableProblem(spec.table);
    if (problem !== null) return { problem };
    const [catalog = "", first = "", ...rest] = parts;
    const prefix = environment === null ? "" : `${environment.replaceAll("-", "_")}_`;
    const table = [`${prefix}${first}`, ...rest];
    return { table, target: [catalog, ...table].join(".") };
  },
  open: async (connection, context) => {
    const [{ openCatalog }, { IcebergStore }] = await Promise.all([
      import("../iceberg/open_catalog.ts"),
      import("./iceberg_store.ts"),
    ]);
    return new IcebergStore(await openCatalog(connection, context), connection.name, context);
  },
};

function parse(reader: FieldReader): MaterializationSpec | null {
  const table = reader.requiredText("table", "catalog.namespace.table");
  const connection = reader.optionalText("connection");
  const mode = modeOf(reader);
  const details = { ...modeFields(reader, mode ?? "full"), ...partitionFields(reader) };
  const policies = policyFields(reader);
  reader.optionalText("type");
  reader.rejectUnknown("an iceberg materialization", HINTS);
  const problem = table === null ? null : tableProblem(table);
  if (problem !== null) {
    reader.problem(["table"], "invalid_table", problem, "write table: catalog.namespace.table");
  }
  const [catalog = ""] = table === null ? [] : tableParts(table);
  if (connection !== null && table !== null && problem === null && connection !== catalog) {
    reader.problem(
      ["connection"],
      "invalid_table",
      `"connection" is ${connection}, and the table is in catalog ${catalog}`,
      "leave connection out: the first part of table names it",
    );
  }
  if (table === null || mode === null || problem !== null) return null;
  return { type: "iceberg", connection: catalog, table, mode, ...details, ...policies };
}

function tableParts(table: string): string[] {
  return table.split(".");
}

function tableProblem(table: string): string | null {
  const parts = tableParts(table);
  if (parts.length < 3) {
    return `"${table}" has ${parts.length} ${
      parts.length === 1 ? "part" : "parts"
    }; an Iceberg table has a catalog, a namespace and a name`;
  }
  const wrong = parts.find((part) => !/^[\p{L}\p{N}_-]+$/u.test(part));
  if (wrong !== undefined) {
    return `"${table}" has a part that is not a name: "${wrong}"`;
  }
  return null;
}

function modeOf(reader: FieldReader): MaterializationMode | null {
  const written = reader.optionalText("mode");
  const mode = MODES[written ?? "full"];
  if (mode !== undefined) return mode;
  reader.problem(
    ["mode"],
    "invalid_mode",
    `There is no mode "${written}" for Iceberg tables`,
    `modes are: ${Object.keys(MODES).join(", ")}`,
  );
  return null;
}

type ModeFields = Pick<
  MaterializationSpec,
  "time_column" | "lookback" | "unique_keys" | "null_keys" | "duplicate_keys"
>;

function modeFields(reader: FieldReader, mode: MaterializationMode): ModeFields {
  const keys = reader.texts("unique_keys");
  const time = reader.optionalText("time_column");
  const lookback = lookbackOf(reader);
  const nulls = choice(reader, "null_keys", ["error", "skip"] as const);
  const duplicates = choice(reader, "duplicate_keys", ["error", "last"] as const);
  for (const [field, owner] of Object.entries(FIELDS_OF_MODES)) {
    if (!reader.has(field) || mode === owner) continue;
    reader.problem(
      [field],
      "contradicting_field",
      `"${field}" has no meaning with mode ${mode === "full" ? "overwrite" : mode}`,
      `it belongs to mode: ${owner}`,
    );
  }
  if (mode === "upsert_by_key" && keys.length === 0) {
    reader.problem(
      [],
      "missing_field",
      'Mode upsert_by_key needs "unique_keys"',
      "write unique_keys: [id]",
    );
  }
  if (mode === "incremental_by_time" && time === null) {
    reader.problem(
      [],
      "missing_field",
      'Mode incremental_by_time needs "time_column"',
      "write time_column: updated_at",
    );
  }
  return {
    ...(keys.length === 0 ? {} : { unique_keys: keys }),
    ...(time === null ? {} : { time_column: time }),
    ...(lookback === null ? {} : { lookback }),
    ...(nulls === null ? {} : { null_keys: nulls }),
    ...(duplicates === null ? {} : { duplicate_keys: duplicates }),
  };
}

function lookbackOf(reader: FieldReader): number | null {
  const text = reader.optionalText("lookback");
  if (text === null) return null;
  if (/^\d{1,5}$/.test(text)) return Number(text);
  reader.problem(
    ["lookback"],
    "wrong_type",
    `"lookback" must be a number of days, not ${text}`,
    "write lookback: 3",
  );
  return null;
}

function partitionFields(reader: FieldReader): Pick<MaterializationSpec, "partition_by"> {
  if (!reader.has("partition_by")) return {};
  const fields = reader.texts("partition_by");
  for (const field of fields) {
    if (parsePartitionExpression(field) !== null) continue;
    reader.problem(
      ["partition_by"],
      "invalid_partition",
      `"${field}" is not a partition field`,
      "write a column, year(c), month(c), day(c), hour(c), bucket(16, c) or truncate(4, c)",
    );
  }
  return { partition_by: fields };
}

function policyFields(
  reader: FieldReader,
): Pick<MaterializationSpec, "existing" | "schema_evolution" | "validation"> {
  const existing = choice(reader, "existing", ["refuse", "adopt"] as const);
  const evolution: SchemaEvolution | null = choice(
    reader,
    "schema_evolution",
    ["safe", "auto", "strict"] as const,
  );
  const validation = validationOf(reader);
  return {
    ...(existing === null ? {} : { existing }),
    ...(evolution === null ? {} : { schema_evolution: evolution }),
    ...(validation === null ? {} : { validation }),
  };
}

function validationOf(reader: FieldReader): Partial<ValidationPolicy> | null {
  const fields = reader.mapping("validation");
  if (Object.keys(fields).length === 0) return null;
  const tolerance = fields["row_count_tolerance"];
  const checksum = fields["checksum"];
  for (const field of Object.keys(fields)) {
    if (field === "row_count_tolerance" || field === "checksum") continue;
    reader.problem(
      ["validation", field],
      "unknown_field",
      `Unknown field "${field}" in validation`,
      "validation has: row_count_tolerance, checksum",
    );
  }
  if (
    tolerance !== undefined && !(typeof tolerance === "number" && tolerance >= 0 && tolerance <= 1)
  ) {
    reader.problem(
      ["validation", "row_count_tolerance"],
      "wrong_type",
      '"row_count_tolerance" must be a part of the rows, from 0 to 1',
    );
  }
  if (checksum !== undefined && typeof checksum !== "boolean") {
    reader.problem(["validation", "checksum"], "wrong_type", '"checksum" must be true or false');
  }
  return {
    ...(typeof tolerance === "number" ? { row_count_tolerance: tolerance } : {}),
    ...(typeof checksum === "boolean" ? { checksum } : {}),
  };
}

function choice<T extends string>(
  reader: FieldReader,
  field: string,
  values: readonly T[],
): T | null {
  const text = reader.optionalText(field);
  if (text === null) return null;
  const found = values.find((value) => value === text);
  if (found !== undefined) return found;
  reader.problem(
    [field],
    "wrong_value",
    `"${field}" must be one of ${values.join(", ")}, not ${text}`,
  );
  return null;
}
