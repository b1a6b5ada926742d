import { isMapping } from "../base/field_reader.ts";
import type { ReadVariable } from "../base/interpolate.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";
import { openStorage } from "../storage/open_storage.ts";
import type { S3Options } from "../storage/s3_options.ts";

/** Properties by name, as catalogs hand them out. */
export type Properties = Readonly<Record<string, string>>;

/** How storage is opened for what a catalog hands out. */
export interface VendedStorageOptions {
  /** What the connection itself says; wins over the catalog. */
  readonly own: S3Options;
  /** What the catalog says for all tables. */
  readonly shared: Properties;
  readonly env: ReadVariable;
  readonly now: () => Date;
}

/** What an answer says about how a table's files are reached. */
export interface VendedAccess {
  readonly config: Properties;
  readonly credentials: readonly { readonly prefix: string; readonly config: Properties }[];
}

/** Reads `config` and `storage-credentials` of an answer. */
export function accessOf(value: Readonly<Record<string, unknown>>): VendedAccess {
  const listed = value["storage-credentials"];
  const credentials = Array.isArray(listed) ? listed.filter(isMapping) : [];
  return {
    config: propertiesOf(value.config),
    credentials: credentials.map((credential) => ({
      prefix: String(credential.prefix ?? ""),
      config: propertiesOf(credential.config),
    })),
  };
}

/** Texts of a mapping; everything else in it is left out. */
export function propertiesOf(value: unknown): Properties {
  if (!isMapping(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] =>
      typeof entry[1] === "string"
    ),
  );
}

/** Opens storage for a location with what the catalog vended; `renew` asks for it again. */
export async function openVendedStorage(
  location: string,
  access: VendedAccess,
  renew: () => Promise<VendedAccess>,
  options: VendedStorageOptions,
): Promise<ObjectStorage> {
  const s3 = vendedS3(location, access, options);
  return await openStorage(location, {
    s3,
    env: options.env,
    now: options.now,
    refresh: async () => vendedS3(location, await renew(), options),
  });
}

/** Options for a location: the credential with the longest prefix, else the table's own configuration. */
export function vendedS3(
  location: string,
  { config, credentials }: VendedAccess,
  { own, shared }: Pick<VendedStorageOptions, "own" | "shared">,
): S3Options {
  const best = credentials
    .filter(({ prefix }) => withoutScheme(location).startsWith(withoutScheme(prefix)))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0];
  const all = { ...shared, ...config, ...best?.config };
  const vended: Record<string, string | number | boolean> = {};
  for (const [name, field] of Object.entries(FIELDS)) {
    const value = all[name];
    if (value !== undefined) vended[field] = value;
  }
  const pathStyle = all["s3.path-style-access"];
  if (pathStyle !== undefined) vended.pathStyle = pathStyle === "true";
  const expiresAtMs = Number(all["s3.session-token-expires-at-ms"]);
  if (expiresAtMs > 0) vended.expiresAtMs = expiresAtMs;
  return { ...vended, ...own };
}

/** Names of Iceberg's S3 properties; the later one wins. */
const FIELDS: Readonly<Record<string, keyof S3Options>> = {
  "client.region": "region",
  "s3.region": "region",
  "s3.endpoint": "endpoint",
  "s3.access-key-id": "accessKeyId",
  "s3.secret-access-key": "secretAccessKey",
  "s3.session-token": "sessionToken",
};

/** `s3`, `s3a` and `s3n` are one store. */
function withoutScheme(location: string): string {
  return location.replace(/^s3[an]?:\/\//, "s3://");
}
