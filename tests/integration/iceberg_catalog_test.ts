import type { ConnectionSpec } from "../../src/model/profile.ts";
import { openCatalog } from "../../src/iceberg/open_catalog.ts";
import { LocalStorage } from "../../src/storage/local_storage.ts";
import { catalogContract } from "../support/catalog_contract.ts";
import { TestPostgres } from "../support/postgres.ts";
import { RestCatalogServer } from "../support/rest_catalog_server.ts";
import { S3Server } from "../support/s3_server.ts";
import { TempDir } from "../support/temp_dir.ts";

const FOLDER = new TempDir();
const POSTGRES = await TestPostgres.start();
const context = {
  env: (name: string) => name === "PW" ? POSTGRES.password : undefined,
  root: FOLDER.path,
  now: () => new Date(),
};

const REST = [true, false].map((transactions) =>
  new RestCatalogServer({
    warehouse: `file://${FOLDER.path}/wh-rest-${transactions}`,
    storage: new LocalStorage(),
    transactions,
    pageSize: 2,
  })
);

const S3 = S3Server.start();

Deno.test.afterAll(async () => {
  await S3[Symbol.asyncDispose]();
  for (const server of REST) await server[Symbol.asyncDispose]();
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

catalogContract({
  name: "SQLite, warehouse in S3",
  open: () =>
    openCatalog(
      connection({
        uri: "sqlite:s3-catalog.db",
        warehouse: "s3://lake/wh",
        s3_endpoint: S3.endpoint,
        s3_access_key_id: S3.options.accessKeyId,
        s3_secret_access_key: S3.options.secretAccessKey,
      }),
      context,
    ),
});

for (const [i, name] of ["REST, atomic", "REST, one by one"].entries()) {
  catalogContract({
    name,
    open: () => openCatalog(connection({ catalog: "rest", uri: REST[i]!.uri }), context),
  });
}
