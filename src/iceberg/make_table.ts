import type { TableWrite } from "../model/materialization.ts";
import type { Catalog, LoadedTable } from "./catalog.ts";
import { planLayout } from "./plan_write.ts";
import { KEYS } from "./table_content.ts";

/**
 * True when a catalog puts a new table where its name says. Others (Nessie, Lakekeeper) give it another place each
 * time they are asked, so that no other process could find what is staged there.
 */
export function isStableLocation(location: string, identifier: readonly string[]): boolean {
  const name = identifier.at(-1) ?? "";
  const last = location.slice(location.lastIndexOf("/") + 1);
  return last === name || last === encodeURIComponent(name);
}

/** Makes a table without rows, which holds its place until the batch is swapped or given up. */
export async function makeTable(
  catalog: Catalog,
  batch: string,
  write: TableWrite,
  location: string,
): Promise<void> {
  const layout = planLayout(write, null);
  await catalog.commit([{
    identifier: write.table,
    base: null,
    requirements: [{ type: "assert-create" }],
    updates: [
      { action: "assign-uuid", uuid: crypto.randomUUID() },
      { action: "upgrade-format-version", "format-version": 2 },
      { action: "add-schema", schema: layout.schema, "last-column-id": layout.lastColumnId },
      { action: "set-current-schema", "schema-id": -1 },
      { action: "add-spec", spec: layout.spec },
      { action: "set-default-spec", "spec-id": -1 },
      { action: "add-sort-order", "sort-order": { "order-id": 0, fields: [] } },
      { action: "set-default-sort-order", "sort-order-id": -1 },
      { action: "set-location", location },
      {
        action: "set-properties",
        updates: {
          [KEYS.project]: write.owner.project,
          [KEYS.environment]: write.owner.environment,
          [KEYS.madeBy]: batch,
        },
      },
    ],
  }]);
}

/** True for a table that {@linkcode makeTable} made for a batch. */
export function isMadeBy(table: LoadedTable, batch: string): boolean {
  return table.metadata.properties[KEYS.madeBy] === batch;
}
