import type { S3Options } from "../storage/s3_options.ts";
import type { ConnectionSettings } from "./connection_settings.ts";
import { BearerTokens, withoutSecrets } from "./oauth.ts";
import type { CatalogContext } from "./open_catalog.ts";
import { RestCatalog } from "./rest_catalog.ts";
import { RestClient } from "./rest_client.ts";
import { readConfig } from "./rest_config.ts";
import { sendUnverified, sendVerified } from "./rest_transport.ts";

/** Seconds for the catalog's first answer, and for its others, unless the connection says otherwise. */
const CONNECTION_TIMEOUT = 10;
const REQUEST_TIMEOUT = 60;

/** Opens a REST catalog: asks it for its configuration. Throws as `openCatalog`. */
export async function openRestCatalog(
  settings: ConnectionSettings,
  s3: S3Options,
  context: CatalogContext,
): Promise<{ catalog: RestCatalog; title: string }> {
  const uri = catalogUri(settings);
  const transport = settings.boolean("verify_tls") === false ? sendUnverified : sendVerified;
  const requestTimeoutMs = (settings.seconds("request_timeout") ?? REQUEST_TIMEOUT) * 1000;
  const connection = settings.connection.name;
  const tokens = new BearerTokens({
    token: settings.text("token"),
    credential: settings.text("credential"),
    tokenUri: settings.text("oauth2_server_uri") ?? `${uri}/v1/oauth/tokens`,
    scope: settings.text("scope") ?? "catalog",
    transport,
    timeoutMs: requestTimeoutMs,
    now: context.now,
    connection,
  });
  const client = new RestClient({ uri, tokens, transport, headers: {}, connection });
  const config = await readConfig(client, {
    warehouse: settings.text("warehouse"),
    prefix: settings.text("prefix"),
    timeoutMs: (settings.seconds("connection_timeout") ?? CONNECTION_TIMEOUT) * 1000,
  });
  const storage = { own: s3, env: context.env, now: context.now };
  const catalog = new RestCatalog({ client, config, storage, requestTimeoutMs });
  return { catalog, title: `REST at ${withoutSecrets(uri)}` };
}

/** Up to, but without `/v1`. */
function catalogUri(settings: ConnectionSettings): string {
  const text = settings.text("uri");
  if (text === null) throw settings.missing("uri", "https://catalog.example.org/api/catalog");
  if (!/^https?:\/\/[^/]/.test(text) || !URL.canParse(text)) {
    throw settings.invalid("uri", "must be http://… or https://… for a REST catalog");
  }
  return text.replace(/\/+$/, "").replace(/\/v1$/, "");
}
