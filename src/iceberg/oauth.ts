import { isMapping } from "../base/field_reader.ts";
import { UserError } from "../base/user_error.ts";
import { type HttpAnswer, NoAnswer, type Transport } from "./rest_transport.ts";

/** Where tokens come from. */
export interface OAuthOptions {
  /** A bearer token that is there already; null: none. */
  readonly token: string | null;
  /** `id:secret`, or a secret alone; null: tokens cannot be renewed. */
  readonly credential: string | null;
  /** Where the credential is exchanged for tokens. */
  readonly tokenUri: string;
  readonly scope: string;
  readonly transport: Transport;
  readonly timeoutMs: number;
  readonly now: () => Date;
  /** For messages. */
  readonly connection: string;
}

/** A token is renewed when less of its time is left than this, in milliseconds. */
const RENEWAL = 60_000;

/**
 * The bearer token of requests to a catalog: a given one, or one by the client credentials grant
 * (RFC 6749, 4.4) that is renewed before it ends.
 */
export class BearerTokens {
  readonly #options: OAuthOptions;
  #token: { readonly value: string; readonly endsAtMs: number } | null;
  #renewal: Promise<string> | null = null;

  constructor(options: OAuthOptions) {
    this.#options = options;
    this.#token = options.token === null ? null : { value: options.token, endsAtMs: Infinity };
  }

  /** What must not be shown. */
  secrets(): string[] {
    const { token, credential } = this.#options;
    const parts = credential === null ? [] : [credential, splitCredential(credential).secret];
    return [token, this.#token?.value ?? null, ...parts].filter((part) => part !== null);
  }

  /** The token to send; null when there is none to be had. Throws `UserError`s (5, 6). */
  async current(): Promise<string | null> {
    const token = this.#token;
    if (token !== null && this.#options.now().getTime() < token.endsAtMs) return token.value;
    return this.#options.credential === null ? null : await this.#renew();
  }

  /** Another token in the place of one that was refused; null when there is none to be had. */
  async replace(refused: string | null): Promise<string | null> {
    if (this.#options.credential === null) return null;
    // Somebody else may have renewed it meanwhile.
    if (this.#token !== null && this.#token.value !== refused) return this.#token.value;
    return await this.#renew();
  }

  /** One renewal for all requests that wait for it. */
  #renew(): Promise<string> {
    return this.#renewal ??= this.#request().finally(() => this.#renewal = null);
  }

  async #request(): Promise<string> {
    const { credential, scope, tokenUri, transport, timeoutMs } = this.#options;
    const { id, secret } = splitCredential(credential ?? "");
    const form = new URLSearchParams({ grant_type: "client_credentials" });
    if (id !== null) form.set("client_id", id);
    form.set("client_secret", secret);
    form.set("scope", scope);
    const asked = this.#options.now().getTime();
    let answer: HttpAnswer;
    try {
      answer = await transport({
        method: "POST",
        url: tokenUri,
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          accept: "application/json",
        },
        body: form.toString(),
        timeoutMs,
      });
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      throw this.#failure(`it did not answer: ${error.message}`, null);
    }
    const value = parsed(answer.text);
    const token = value.access_token;
    if (answer.status !== 200 || typeof token !== "string") {
      const said = typeof value.error === "string" ? `: ${value.error}` : "";
      throw this.#failure(`it answered ${answer.status}${said}`, answer.status);
    }
    const lifetime = typeof value.expires_in === "number" ? value.expires_in * 1000 : Infinity;
    // Of a short life the last tenth is left.
    const endsAtMs = asked + lifetime - Math.min(RENEWAL, lifetime / 10);
    this.#token = { value: token, endsAtMs };
    return token;
  }

  #failure(why: string, status: number | null): UserError {
    const { tokenUri, connection } = this.#options;
    const isRefused = status !== null && status >= 400 && status < 500;
    return new UserError(
      `Connection "${connection}" got no token from ${withoutSecrets(tokenUri)}: ${why}`,
      {
        code: isRefused ? "access_denied" : "catalog_unavailable",
        kind: isRefused ? "security" : "dependency",
        hint: isRefused
          ? "check credential, scope and oauth2_server_uri of the connection"
          : "check oauth2_server_uri of the connection, and that the server runs",
      },
    );
  }
}

/** A URL for messages: a password or a query may be secret. */
export function withoutSecrets(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return "(not a URL)";
  }
}

function splitCredential(credential: string): { id: string | null; secret: string } {
  const at = credential.indexOf(":");
  return at < 0
    ? { id: null, secret: credential }
    : { id: credential.slice(0, at), secret: credential.slice(at + 1) };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isMapping(value) ? value : {};
  } catch {
    return {};
  }
}
