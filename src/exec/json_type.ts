import type { ColumnType } from "../engine/column_type.ts";
import { quoteName } from "../engine/quote.ts";

/** Types whose values JSON holds as they are. */
const JSON_TYPES =
  /^(BOOLEAN|U?(TINY|SMALL|BIG)?INT(EGER)?|HUGEINT|UHUGEINT|FLOAT|DOUBLE|VARCHAR)$/;

/** The type to cast to so that JSON keeps every digit; null where it does so anyway. */
export function jsonType(type: ColumnType): string | null {
  switch (type.type) {
    case "decimal":
      return "VARCHAR";
    case "scalar":
      return JSON_TYPES.test(type.name) ? null : "VARCHAR";
    default:
      return nestedType(type);
  }
}

function nestedType(type: ColumnType): string {
  switch (type.type) {
    case "decimal":
      return "VARCHAR";
    case "scalar":
      return JSON_TYPES.test(type.name) ? type.name : "VARCHAR";
    case "list":
      return `${nestedType(type.of)}[]`;
    case "struct": {
      const fields = type.fields.map((field) =>
        `${quoteName(field.name)} ${nestedType(field.type)}`
      );
      return `STRUCT(${fields.join(", ")})`;
    }
    case "map":
      return `MAP(${nestedType(type.key)}, ${nestedType(type.value)})`;
  }
}
