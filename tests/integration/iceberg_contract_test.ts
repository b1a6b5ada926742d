import type { Catalog } from "../../src/iceberg/catalog.ts";
import { expireSnapshots } from "../../src/iceberg/expire_snapshots.ts";
import { openCatalog } from "../../src/iceberg/open_catalog.ts";
import { allTables } from "../../src/iceberg/references.ts";
import { IcebergStore } from "../../src/targets/iceberg_store.ts";
import type { StoreContext } from "../../src/targets/target_type.ts";
import { IcebergLab } from "../support/iceberg.ts";
import { targetContract } from "../support/target_contract.ts";

/** Snapshots stay until somebody expires them: here that comes with the garbage. */
class ExpiringStore extends IcebergStore {
  readonly #catalog: Catalog;

  constructor(catalog: Catalog, context: StoreContext) {
    super(catalog, "lake", context);
    this.#catalog = catalog;
  }

  override async collectGarbage(
    options: Parameters<IcebergStore["collectGarbage"]>[0],
  ): Promise<string[]> {
    const rules = { olderThan: new Date("2100-01-01"), retainLast: 1, dryRun: options.dryRun };
    for (const table of await allTables(this.#catalog)) {
      await expireSnapshots(this.#catalog, table, rules);
    }
    return await super.collectGarbage(options);
  }
}

for (const kind of ["local", "rest"] as const) {
  Deno.test(`the Iceberg target keeps the contract of targets (${kind})`, async (t) => {
    await using lab = await IcebergLab.open(kind);
    await targetContract(t, {
      open: async (folders) =>
        new ExpiringStore(await openCatalog(lab.connection, lab.context), {
          ...lab.context,
          ...folders,
        }),
      spec: { type: "iceberg", connection: "lake" },
      table: (name) => ["contract", name],
      modes: ["full", "append", "upsert_by_key", "incremental_by_time"],
      rows: async (table) => {
        const loaded = await lab.catalog.load(table);
        if (loaded === null || loaded.metadata["current-snapshot-id"] === null) return null;
        const scan = await lab.scan(table.join("."));
        const { rows } = await lab.session.read(
          `SELECT CAST(to_json(t) AS VARCHAR) FROM ${scan} t`,
        );
        return rows.map(([row]) => String(row)).sort();
      },
    });
  });
}
