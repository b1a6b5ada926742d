import { didYouMean } from "../base/closest.ts";
import type { FieldReader } from "../base/field_reader.ts";
import type {
  MaterializationMode,
  MaterializationSpec,
  ValidationPolicy,
} from "../model/materialization.ts";
import type { SchemaEvolution } from "../model/profile.ts";
import { parseTableName, showTable, tableInEnvironment } from "../postgres/table_name.ts";
import { COMMON_MATERIALIZATION } from "./materialization_schema.ts";
import type { TargetType } from "./target_type.ts";

const MODES: readonly MaterializationMode[] = [
  "full",
  "append",
  "upsert_by_key",
  "incremental_by_time",
  "view",
];

/** Tables and views of a PostgreSQL database. */
export const POSTGRES_TARGET: TargetType = {
  name: "postgresql",
  summary: "Tables and views of a PostgreSQL database",
  schema: {
    ...COMMON_MATERIALIZATION,
    mode: { enum: MODES, description: "How rows get into the table; default: full" },
    create_table: { type: "boolean", description: "false: a table that is missing is an error" },
    cascade: { const: false, description: "Never: rows are replaced in place" },
    column_types: {
      type: "object",
      additionalProperties: { type: "string" },
      description: "Types of columns where not the usual ones: {payload: jsonb}",
    },
  },
  parse,
  tableIn: (spec, environment) => {
    const table = parseTableName(spec.table);
    if ("problem" in table) return table;
    const named = tableInEnvironment(table, environment);
    return "problem" in named
      ? named
      : { table: [named.schema, named.name], target: showTable(named) };
  },
  open: async (connection, context) =>
    await (await import("../postgres/write_store.ts")).openWriteStore(connection, context),
};

/** Fields that only one mode reads. */
const FIELDS_OF_MODES: Readonly<Record<string, MaterializationMode>> = {
  time_column: "incremental_by_time",
  lookback: "incremental_by_time",
  unique_keys: "upsert_by_key",
  null_keys: "upsert_by_key",
  duplicate_keys: "upsert_by_key",
};

const EVOLUTIONS: readonly SchemaEvolution[] = ["safe", "auto", "strict"];

/** `create_table: false` of the reference: a table that is missing is an error. */
interface PostgresSpec extends MaterializationSpec {
  readonly create_table?: boolean;
}

function parse(reader: FieldReader): PostgresSpec | null {
  let isValid = true;
  const refuse = (path: readonly string[], code: string, message: string, hint?: string) => {
    isValid = false;
    reader.problem(path, code, message, hint);
  };
  reader.optionalText("type");
  const connection = reader.requiredText("connection", "warehouse");
  const table = reader.requiredText("table", "analytics.orders");
  const mode = oneOf(reader, "mode", MODES, refuse) ?? "full";
  if (table !== null) {
    const parsed = parseTableName(table);
    if ("problem" in parsed) {
      refuse(["table"], "invalid_table", capitalised(parsed.problem), "write it as schema.table");
    }
  }
  const time_column = reader.optionalText("time_column");
  const unique_keys = reader.texts("unique_keys");
  const lookback = parseLookback(reader, refuse);
  const null_keys = oneOf(reader, "null_keys", ["error", "skip"] as const, refuse);
  const duplicate_keys = oneOf(reader, "duplicate_keys", ["error", "last"] as const, refuse);
  for (const [field, owner] of Object.entries(FIELDS_OF_MODES)) {
    if (reader.has(field) && mode !== owner) {
      refuse(
        [field],
        "contradicting_field",
        `"${field}" has no meaning with mode ${mode}`,
        `it belongs to mode: ${owner}`,
      );
    }
  }
  if (mode === "incremental_by_time" && time_column === null) {
    refuse(["mode"], "missing_field", `Mode ${mode} needs "time_column"`, "write time_column: ts");
  }
  if (mode === "upsert_by_key" && unique_keys.length === 0) {
    refuse(
      ["mode"],
      "missing_field",
      `Mode ${mode} needs "unique_keys"`,
      "write unique_keys: [id]",
    );
  }
  const twice = unique_keys.find((key, i) => unique_keys.indexOf(key) !== i);
  if (twice !== undefined) {
    refuse(["unique_keys"], "duplicate_key", `"unique_keys" names "${twice}" twice`);
  }
  const existing = oneOf(reader, "existing", ["refuse", "adopt"] as const, refuse);
  if (existing === "adopt" && mode === "view") {
    refuse(
      ["existing"],
      "contradicting_field",
      "A view cannot take over what is there",
      "drop or rename it first",
    );
  }
  const schema_evolution = oneOf(reader, "schema_evolution", EVOLUTIONS, refuse);
  const create_table = reader.optionalBoolean("create_table");
  if (reader.optionalBoolean("cascade") === true) {
    refuse(
      ["cascade"],
      "cascade_refused",
      '"cascade" would drop views and tables of others along with this one',
      "leave it out: rows are replaced in place, and everything built on the table stays",
    );
  }
  const column_types = parseColumnTypes(reader, refuse);
  const validation = parseValidation(reader, refuse);
  reader.rejectUnknown("a postgresql materialization", HINTS);
  if (!isValid || connection === null || table === null) return null;
  return {
    type: "postgresql",
    connection,
    table,
    mode,
    ...(time_column === null ? {} : { time_column }),
    ...(lookback === null ? {} : { lookback }),
    ...(unique_keys.length === 0 ? {} : { unique_keys }),
    ...(null_keys === null ? {} : { null_keys }),
    ...(duplicate_keys === null ? {} : { duplicate_keys }),
    ...(column_types === null ? {} : { column_types }),
    ...(existing === null ? {} : { existing }),
    ...(schema_evolution === null ? {} : { schema_evolution }),
    ...(validation === null ? {} : { validation }),
    ...(create_table === false ? { create_table } : {}),
  };
}

const HINTS: Readonly<Record<string, string>> = {
  partition_by: "it belongs to Iceberg tables; PostgreSQL keeps the partitions a table has",
};

type Refuse = (path: readonly string[], code: string, message: string, hint?: string) => void;

function oneOf<T extends string>(
  reader: FieldReader,
  field: string,
  values: readonly T[],
  refuse: Refuse,
): T | null {
  const text = reader.optionalText(field);
  if (text === null) return null;
  const found = values.find((value) => value === text);
  if (found !== undefined) return found;
  const hint = didYouMean(text, values) ?? `use one of: ${values.join(", ")}`;
  refuse([field], `invalid_${field}`, `"${field}" cannot be "${text}"`, hint);
  return null;
}

/** Days: a number, or `7d` as the reference's documentation writes it. */
function parseLookback(reader: FieldReader, refuse: Refuse): number | null {
  const text = reader.optionalText("lookback");
  if (text === null) return null;
  const match = /^(\d+)\s*d?$/.exec(text.trim());
  if (match !== null) return Number(match[1]);
  refuse(
    ["lookback"],
    "invalid_lookback",
    `"lookback" must be a number of days, not "${text}"`,
    "write lookback: 7",
  );
  return null;
}

function parseColumnTypes(reader: FieldReader, refuse: Refuse): Record<string, string> | null {
  const types: Record<string, string> = {};
  for (const [column, type] of Object.entries(reader.mapping("column_types"))) {
    if (typeof type === "string" && /^[\w\s."(),[\]]+$/.test(type)) types[column] = type;
    else {
      refuse(
        ["column_types", column],
        "invalid_type",
        `The type of column "${column}" must be the name of a PostgreSQL type`,
        `write ${column}: jsonb`,
      );
    }
  }
  return Object.keys(types).length === 0 ? null : types;
}

function parseValidation(reader: FieldReader, refuse: Refuse): Partial<ValidationPolicy> | null {
  if (!reader.has("validation")) return null;
  const raw = reader.mapping("validation");
  const { row_count_tolerance: tolerance, checksum } = raw;
  const isTolerance = typeof tolerance === "number" && tolerance >= 0 && tolerance <= 1;
  if (tolerance !== undefined && !isTolerance) {
    refuse(
      ["validation", "row_count_tolerance"],
      "wrong_type",
      '"row_count_tolerance" must be a number from 0 to 1',
      "0.01 allows one row in a hundred",
    );
  }
  if (checksum !== undefined && typeof checksum !== "boolean") {
    refuse(["validation", "checksum"], "wrong_type", '"checksum" must be true or false');
  }
  const inside = reader.child(raw, ["validation"]);
  for (const field of ["row_count_tolerance", "checksum"]) inside.ignore(field);
  inside.rejectUnknown("validation");
  return {
    ...(isTolerance ? { row_count_tolerance: tolerance } : {}),
    ...(typeof checksum === "boolean" ? { checksum } : {}),
  };
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
