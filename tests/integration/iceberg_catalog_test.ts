import type { ConnectionSpec } from "../../src/model/profile.ts";
import { openCatalog } from "../../src/iceberg/open_catalog.ts";
import { catalogContract } from "../support/catalog_contract.ts";
import { TestPostgres } from "../support/postgres.ts";
import { TempDir } from "../support/temp_dir.ts";

const FOLDER = new TempDir();
const POSTGRES = await TestPostgres.start();
const context = {
  env: (name: string) => name === "PW" ? POSTGRES.password : undefined,
  root: FOLDER.path,
  now: () => new Date(),
};

Deno.test.afterAll(async () => {
  await POSTGRES[Symbol.asyncDispose]();
  FOLDER[Symbol.dispose]();
});

function connection(options: ConnectionSpec["options"]): ConnectionSpec {
  return { name: "atlas", type: "iceberg", options, file: "profiles.yml" };
}

catalogContract({
  name: "SQLite",
  open: () => openCatalog(connection({ warehouse: "wh" }), context),
});

catalogContract({
  name: "PostgreSQL",
  open: () =>
    openCatalog(
      connection({
        warehouse: "wh-postgres",
        uri: `postgresql://postgres:\${PW}@127.0.0.1:${POSTGRES.port}/postgres?sslmode=disable`,
      }),
      context,
    ),
});
