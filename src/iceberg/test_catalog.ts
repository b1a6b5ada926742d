import type { ReadVariable } from "../base/interpolate.ts";
import type { ConnectionSpec } from "../model/profile.ts";
import { openTitledCatalog, type TitledCatalog } from "./open_catalog.ts";

/** Namespaces that a report names. */
const MOST = 20;

/** Opens a catalog and says what is there. Writes nothing. Throws as `openCatalog`. */
export async function testCatalog(
  connection: ConnectionSpec,
  context: { readonly env: ReadVariable; readonly root: string },
): Promise<{ server: string; facts: readonly string[] }> {
  // A clock that stands still: nothing that a test gets ends before the test does.
  const opened = await openTitledCatalog(connection, { ...context, now: () => new Date(0) });
  await using catalog = opened.catalog;
  const namespaces = (await catalog.namespaces([])).map((levels) => levels.join("."));
  return {
    server: `Iceberg catalog, ${opened.title}`,
    facts: [
      namespaces.length === 0
        ? "namespaces: none yet"
        : `namespaces: ${namespaces.slice(0, MOST).join(", ")}` +
          (namespaces.length > MOST ? ` and ${namespaces.length - MOST} more` : ""),
      ...await warehouseFacts(opened),
      catalog.isAtomic
        ? "several tables: committed together"
        : "several tables: committed one after the other",
    ],
  };
}

async function warehouseFacts({ catalog, warehouse }: TitledCatalog): Promise<string[]> {
  if (warehouse === null) return [];
  const storage = await catalog.storageFor(warehouse);
  const first = await Array.fromAsync(firstOf(storage.list(warehouse)));
  return [`warehouse: ${warehouse}${first.length === 0 ? ", empty" : ""}`];
}

/** One item is enough to know that a store lets us in. */
async function* firstOf<T>(items: AsyncIterable<T>): AsyncIterable<T> {
  for await (const item of items) {
    yield item;
    return;
  }
}
