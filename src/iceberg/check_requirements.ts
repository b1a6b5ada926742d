import type { TableMetadata, TableRequirement } from "./table_metadata.ts";

/** The first requirement that does not hold, in words; null when all do. `metadata` is null where there is no table. */
export function checkRequirements(
  metadata: TableMetadata | null,
  requirements: readonly TableRequirement[],
): string | null {
  for (const requirement of requirements) {
    const problem = check(metadata, requirement);
    if (problem !== null) return problem;
  }
  return null;
}

function check(metadata: TableMetadata | null, requirement: TableRequirement): string | null {
  if (requirement.type === "assert-create") {
    return metadata === null ? null : "there is a table of that name already";
  }
  if (metadata === null) return "there is no such table";
  switch (requirement.type) {
    case "assert-table-uuid":
      return differs("it is another table: its uuid", requirement.uuid, metadata["table-uuid"]);
    case "assert-ref-snapshot-id":
      return differs(
        `the snapshot of ${requirement.ref}`,
        requirement["snapshot-id"],
        metadata.refs[requirement.ref]?.["snapshot-id"] ?? null,
      );
    case "assert-current-schema-id":
      return same(metadata, requirement, "current-schema-id", "the current schema");
    case "assert-last-assigned-field-id":
      return differs(
        "the last column id",
        requirement["last-assigned-field-id"],
        metadata["last-column-id"],
      );
    case "assert-last-assigned-partition-id":
      return differs(
        "the last partition field id",
        requirement["last-assigned-partition-id"],
        metadata["last-partition-id"],
      );
    case "assert-default-spec-id":
      return same(metadata, requirement, "default-spec-id", "the partition spec");
    case "assert-default-sort-order-id":
      return same(metadata, requirement, "default-sort-order-id", "the sort order");
    default:
      // A requirement that is not understood cannot be said to hold.
      return `the requirement ${JSON.stringify(requirement["type"])} is not known`;
  }
}

function same<F extends string>(
  metadata: Readonly<Record<F, number>>,
  requirement: Readonly<Record<F, number>>,
  field: F,
  what: string,
): string | null {
  return differs(what, requirement[field], metadata[field]);
}

function differs(
  what: string,
  expected: string | number | bigint | null,
  found: string | number | bigint | null,
): string | null {
  return expected === found ? null : `${what} is ${found ?? "none"}, not ${expected ?? "none"}`;
}
