import { openCatalog } from "../../src/iceberg/open_catalog.ts";
import { catalogContract } from "../support/catalog_contract.ts";
import { TempDir } from "../support/temp_dir.ts";

const FOLDER = new TempDir();
const context = { env: () => undefined, root: FOLDER.path, now: () => new Date() };

globalThis.addEventListener("unload", () => FOLDER[Symbol.dispose]());

catalogContract({
  name: "SQLite",
  open: () =>
    openCatalog(
      { name: "atlas", type: "iceberg", options: { warehouse: "wh" }, file: "profiles.yml" },
      context,
    ),
});
