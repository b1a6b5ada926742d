import { CommitConflict } from "../../src/iceberg/catalog.ts";
import { openCatalog } from "../../src/iceberg/open_catalog.ts";
import { append } from "./catalog_contract.ts";

/** Appends snapshots `first`, `first + 1`, … to `race.t`, each again until it is in: one process of a race. */
if (import.meta.main) {
  const [root, first, count] = Deno.args;
  await using catalog = await openCatalog(
    { name: "atlas", type: "iceberg", options: { warehouse: "wh" }, file: "profiles.yml" },
    { env: () => undefined, root: root!, now: () => new Date() },
  );
  for (let i = 0; i < Number(count);) {
    try {
      await catalog.commit([await append(catalog, ["race", "t"], BigInt(Number(first) + i))]);
      i++;
    } catch (error) {
      if (!(error instanceof CommitConflict)) throw error;
    }
  }
}
