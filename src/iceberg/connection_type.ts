import type { ReadVariable } from "../base/interpolate.ts";
import type { ConnectionSpec } from "../model/profile.ts";

/** An option as `connections/connection_type.ts` describes it; that folder lies above this one. */
interface Option {
  readonly doc: string;
  readonly type: "text" | "integer" | "number" | "boolean";
  readonly required?: boolean;
  readonly secret?: boolean;
  readonly values?: readonly string[];
}

const OPTIONS: Readonly<Record<string, Option>> = {
  catalog: {
    doc: "sql: tables of a database (default); rest: a server that speaks Iceberg's protocol",
    type: "text",
    values: ["sql", "rest"],
  },
  uri: {
    doc: "sql: sqlite:path/catalog.db (default: in a local warehouse) or " +
      "postgresql://user:${PASSWORD}@host:port/database; rest: https://host/path, without /v1",
    type: "text",
  },
  warehouse: {
    doc: "sql: folder, file:///folder or s3://bucket/folder of new tables; " +
      "rest: the catalog's name for it",
    type: "text",
  },
  catalog_name: {
    doc: "sql: name that other programs give to the catalog; default: the connection's",
    type: "text",
  },
  token: { doc: "rest: bearer token", type: "text", secret: true },
  credential: {
    doc: "rest: id:secret, exchanged for tokens by OAuth2",
    type: "text",
    secret: true,
  },
  oauth2_server_uri: {
    doc: "rest: where tokens come from; default: the catalog itself",
    type: "text",
  },
  scope: { doc: "rest: OAuth2 scope; default catalog", type: "text" },
  prefix: { doc: "rest: prefix of paths, where the catalog does not say it", type: "text" },
  verify_tls: {
    doc: "rest: false takes any certificate of the catalog; not of the object store",
    type: "boolean",
  },
  connection_timeout: {
    doc: "rest: seconds to wait for the catalog's first answer; default 10",
    type: "number",
  },
  request_timeout: { doc: "rest: seconds to wait for any other; default 60", type: "number" },
  s3_endpoint: {
    doc: "https://host:port of the object store; default: what the catalog or " +
      "AWS_ENDPOINT_URL says, else AWS",
    type: "text",
  },
  s3_region: { doc: "default: AWS_REGION, else us-east-1", type: "text" },
  s3_access_key_id: {
    doc: "default: what the catalog vends, else AWS_ACCESS_KEY_ID",
    type: "text",
  },
  s3_secret_access_key: { doc: "the key's secret", type: "text", secret: true },
  s3_session_token: { doc: "token of temporary credentials", type: "text", secret: true },
  s3_path_style: {
    doc: "true: bucket in the path (default with an endpoint); false: in the host name",
    type: "boolean",
  },
};

/** An Iceberg catalog with its warehouse, as a profile names it. */
export const ICEBERG = {
  name: "iceberg",
  summary: "tables in the Iceberg format, in a folder or an object store",
  options: OPTIONS,
  /** Connects, looks around, writes nothing. */
  async test(
    connection: ConnectionSpec,
    context: { readonly env: ReadVariable; readonly root: string },
  ): Promise<{ server: string; facts: readonly string[] }> {
    const { testCatalog } = await import("./test_catalog.ts");
    return await testCatalog(connection, context);
  },
};
