import { UserError } from "../base/user_error.ts";
import type { RestClient } from "./rest_client.ts";
import { type Properties, propertiesOf } from "./rest_storage.ts";

/** What a catalog says about itself when it is opened. */
export interface RestConfig {
  /** `/v1` or `/v1/<prefix>`, to which the paths of requests are added. */
  readonly base: string;
  /** Between the levels of a namespace in paths, encoded. */
  readonly separator: string;
  /** Null: the catalog does not say which requests it knows. */
  readonly endpoints: ReadonlySet<string> | null;
  /** The catalog's defaults and what it insists on. */
  readonly properties: Properties;
}

/** The unit separator, encoded. */
const SEPARATOR = "%1F";

/**
 * Asks `GET /v1/config`. Throws as `RestClient.send`, and a `UserError` `catalog_unsupported` (2) when the
 * catalog demands what we cannot do.
 */
export async function readConfig(
  client: RestClient,
  options: {
    readonly warehouse: string | null;
    readonly prefix: string | null;
    readonly timeoutMs: number;
  },
): Promise<RestConfig> {
  const value = await client.get({
    method: "GET",
    path: "/v1/config",
    query: options.warehouse === null ? {} : { warehouse: options.warehouse },
    timeoutMs: options.timeoutMs,
  });
  const defaults = propertiesOf(value.defaults);
  const overrides = propertiesOf(value.overrides);
  const properties = { ...defaults, ...overrides };
  if (properties["rest.sigv4-enabled"] === "true") {
    throw new UserError(`${client.title} wants requests signed by AWS (SigV4)`, {
      code: "catalog_unsupported",
      kind: "usage",
      hint: "seeknal signs requests to S3 only: use a token or OAuth2 credential",
    });
  }
  const prefix = overrides.prefix ?? options.prefix ?? defaults.prefix ?? "";
  return {
    // As it is: catalogs encode it themselves where it has to be, and put slashes into it.
    base: prefix === "" ? "/v1" : `/v1/${prefix}`,
    separator: properties["namespace-separator"] ?? SEPARATOR,
    endpoints: Array.isArray(value.endpoints) ? new Set(value.endpoints.map(String)) : null,
    properties,
  };
}
