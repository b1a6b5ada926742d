import { join, resolve } from "node:path";
import type { ReadVariable } from "../base/interpolate.ts";
import type { ConnectionSpec } from "../model/profile.ts";
import { fileLocation, isLocalLocation, localPathOf } from "../storage/local_storage.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";
import type { S3Options } from "../storage/s3_options.ts";
import type { Catalog } from "./catalog.ts";
import { ConnectionSettings } from "./connection_settings.ts";
import type { SqlDatabase } from "./sql_catalog_database.ts";

/** What opening a catalog may use of the machine. */
export interface CatalogContext {
  readonly env: ReadVariable;
  /** Absolute project folder: relative paths of a connection start here. */
  readonly root: string;
  readonly now: () => Date;
}

/** The kinds of catalogs, by the values of the option `catalog`. */
export const CATALOG_KINDS = ["sql", "rest"] as const;

/**
 * Opens the catalog that a connection of type `iceberg` names. A REST catalog is asked for its
 * configuration at once. An SQL catalog is connected to when it is first used, and its tables are made by
 * the first write. Throws `UserError`s:
 * `missing_option`, `invalid_option`, `unset_variable` (2), `catalog_unavailable` (5), `access_denied` (6).
 */
export async function openCatalog(
  connection: ConnectionSpec,
  context: CatalogContext,
): Promise<Catalog> {
  return (await openTitledCatalog(connection, context)).catalog;
}

/** A catalog and what to call it. */
export interface TitledCatalog {
  readonly catalog: Catalog;
  /** Without secrets: `SQLite file /project/catalog.db`. */
  readonly title: string;
  /** Location of new tables; null when that is the catalog's business. */
  readonly warehouse: string | null;
}

/** Like {@linkcode openCatalog}. */
export async function openTitledCatalog(
  connection: ConnectionSpec,
  context: CatalogContext,
): Promise<TitledCatalog> {
  const settings = new ConnectionSettings(connection, context.env);
  const s3 = s3OptionsOf(settings);
  if (settings.oneOf("catalog", CATALOG_KINDS) === "rest") {
    const { openRestCatalog } = await import("./rest_open.ts");
    return { ...await openRestCatalog(settings, s3, context), warehouse: null };
  }
  const warehouse = warehouseOf(settings, context.root);
  const { SqlCatalog } = await import("./sql_catalog.ts");
  const database = await openDatabase(settings, context.root, warehouse);
  const catalog = new SqlCatalog({
    name: settings.text("catalog_name") ?? connection.name,
    warehouse,
    database,
    openStorage: storageOpener(s3, context),
    now: context.now,
  });
  return { catalog, title: database.title, warehouse };
}

/** The warehouse as a location. */
function warehouseOf(settings: ConnectionSettings, root: string): string {
  const text = settings.text("warehouse");
  if (text === null) throw settings.missing("warehouse", "warehouse");
  if (/^s3[an]?:\/\//.test(text)) return text.replace(/\/+$/, "");
  if (/^[a-z][a-z0-9+.-]+:/i.test(text) && !text.startsWith("file:")) {
    throw settings.invalid("warehouse", "must be a folder, file:///folder or s3://bucket/folder");
  }
  return fileLocation(text.startsWith("file:") ? localPathOf(text) : resolve(root, text));
}

async function openDatabase(
  settings: ConnectionSettings,
  root: string,
  warehouse: string,
): Promise<SqlDatabase> {
  const written = settings.written("uri");
  if (written === null && !isLocalLocation(warehouse)) {
    throw settings.missing("uri", "sqlite:catalog.db");
  }
  const uri = settings.text("uri") ?? `sqlite:${join(localPathOf(warehouse), "catalog.db")}`;
  if (uri.startsWith("sqlite:")) {
    const { SqliteDatabase } = await import("./sql_catalog_sqlite.ts");
    return new SqliteDatabase(resolve(root, sqlitePath(uri)));
  }
  if (/^postgres(ql)?:/.test(uri)) {
    const [{ PostgresDatabase }, { postgresTarget }] = await Promise.all([
      import("./sql_catalog_postgres.ts"),
      import("./postgres_uri.ts"),
    ]);
    const { spec, env, title } = postgresTarget(settings);
    return new PostgresDatabase(spec, env, title);
  }
  throw settings.invalid(
    "uri",
    "must begin with sqlite: or postgresql: for an SQL catalog",
    "such as sqlite:warehouse/catalog.db or postgresql://etl:${PASSWORD}@db.example.org/catalog",
  );
}

/** `sqlite:path`, `sqlite:///relative` and `sqlite:////absolute` as SQLAlchemy counts its slashes. */
function sqlitePath(uri: string): string {
  return uri.slice("sqlite:".length).replace(/^\/\/\//, "");
}

/** Opens a store once for each place that has its own. */
function storageOpener(
  s3: S3Options,
  context: CatalogContext,
): (location: string) => Promise<ObjectStorage> {
  const opened = new Map<string, Promise<ObjectStorage>>();
  return (location) => {
    const place = isLocalLocation(location) ? "file:" : location.split("/", 3).join("/");
    const found = opened.get(place) ??
      import("../storage/open_storage.ts").then((storage) =>
        storage.openStorage(location, { s3, env: context.env, now: context.now })
      );
    opened.set(place, found);
    return found;
  };
}

function s3OptionsOf(settings: ConnectionSettings): S3Options {
  const text = (option: string, field: string) => {
    const value = settings.text(option);
    return value === null ? {} : { [field]: value };
  };
  const pathStyle = settings.boolean("s3_path_style");
  return {
    ...text("s3_endpoint", "endpoint"),
    ...text("s3_region", "region"),
    ...text("s3_access_key_id", "accessKeyId"),
    ...text("s3_secret_access_key", "secretAccessKey"),
    ...text("s3_session_token", "sessionToken"),
    ...(pathStyle === null ? {} : { pathStyle }),
  };
}
