import { isMapping } from "../base/field_reader.ts";
import { UserError } from "../base/user_error.ts";
import { parseExactJson, stringifyExactJson } from "./exact_json.ts";
import { type BearerTokens, withoutSecrets } from "./oauth.ts";
import { type HttpAnswer, NoAnswer, type Transport } from "./rest_transport.ts";

/** What a client is made of. */
export interface RestClientOptions {
  /** `https://catalog.example.org/api`, to which `/v1/…` is added. */
  readonly uri: string;
  readonly tokens: BearerTokens;
  readonly transport: Transport;
  readonly headers: Readonly<Record<string, string>>;
  /** Name of the connection, for messages. */
  readonly connection: string;
}

/** One request to the catalog. */
export interface RestRequest {
  readonly method: "GET" | "HEAD" | "POST" | "DELETE";
  /** From `/v1/` on, encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** True: done twice is as done once, so that it may be sent again. Default: for GET and HEAD. */
  readonly isIdempotent?: boolean;
}

/** An answer of the catalog, good or bad. */
export interface RestAnswer {
  readonly status: number;
  /** The JSON of the body; null where there is none. */
  readonly value: unknown;
  /** `NoSuchTableException`, …; null for good answers and foreign ones. */
  readonly errorType: string | null;
  /** What the catalog says about an error, without our secrets. */
  readonly message: string;
}

/** The catalog did not say whether it did what it was asked for. */
export class UnknownOutcome extends Error {
  override readonly name = "UnknownOutcome";
  /** True: the catalog is done with the request, whatever it did. */
  readonly isOver: boolean;

  constructor(message: string, isOver: boolean) {
    super(message);
    this.isOver = isOver;
  }
}

const ATTEMPTS = 5;

/** Pause before the second attempt, in milliseconds; it doubles from then on. */
const FIRST_PAUSE = 200;

/** Longest `Retry-After` that is waited for, in milliseconds. */
const LONGEST_PAUSE = 60_000;

/** Answers after which something else may be found out by asking again. */
const TROUBLE: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

/** Speaks HTTP and JSON with one REST catalog: tokens, retries, errors. */
export class RestClient {
  readonly #options: RestClientOptions;

  constructor(options: RestClientOptions) {
    this.#options = options;
  }

  /** For messages. */
  get title(): string {
    return `the Iceberg catalog at ${withoutSecrets(this.#options.uri)}`;
  }

  /**
   * The catalog's answer of any status below 500. Throws `UserError`s `catalog_unavailable` (5) and
   * `access_denied` (6), and for what is not idempotent an {@linkcode UnknownOutcome}.
   */
  async send(request: RestRequest): Promise<RestAnswer> {
    const isIdempotent = request.isIdempotent ?? /^(GET|HEAD)$/.test(request.method);
    for (let attempt = 1;; attempt++) {
      const isLast = attempt === ATTEMPTS || !isIdempotent;
      let answer: HttpAnswer;
      try {
        answer = await this.#sendWithToken(request);
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        if (isLast) throw this.#noAnswer(error, isIdempotent);
        await pause(attempt, null);
        continue;
      }
      if (!TROUBLE.has(answer.status)) return this.#read(answer);
      if (isLast) throw this.#trouble(answer, isIdempotent);
      await pause(attempt, answer.headers.get("retry-after"));
    }
  }

  /** Like {@linkcode send}, for requests that only succeed: other answers are errors. */
  async get(request: RestRequest): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.send(request);
    if (answer.status >= 300) throw this.refusal(answer, request);
    return isMapping(answer.value) ? answer.value : {};
  }

  /** The error for an answer that nobody expected. */
  refusal(answer: RestAnswer, request: Pick<RestRequest, "method" | "path">): UserError {
    const { connection } = this.#options;
    if (answer.status === 401 || answer.status === 403) {
      return new UserError(
        `${capitalised(this.title)} refused connection "${connection}": ${answer.message}`,
        {
          code: "access_denied",
          kind: "security",
          hint: "check token or credential of the connection, and what its principal may do",
        },
      );
    }
    return new UserError(
      `${capitalised(this.title)} did not accept ${request.method} ${request.path}: ` +
        `${answer.message} (HTTP ${answer.status})`,
      {
        code: "catalog_refused",
        kind: "execution",
        hint: `seeknal connection-test ${connection}`,
      },
    );
  }

  async #sendWithToken(request: RestRequest): Promise<HttpAnswer> {
    const token = await this.#options.tokens.current();
    const answer = await this.#sendOnce(request, token);
    // 419 is what the protocol says for a token that has ended.
    if (answer.status !== 401 && answer.status !== 419) return answer;
    const other = await this.#options.tokens.replace(token);
    return other === null ? answer : await this.#sendOnce(request, other);
  }

  async #sendOnce(request: RestRequest, token: string | null): Promise<HttpAnswer> {
    const query = new URLSearchParams(request.query).toString();
    return await this.#options.transport({
      method: request.method,
      url: `${this.#options.uri}${request.path}${query === "" ? "" : `?${query}`}`,
      headers: {
        accept: "application/json",
        ...this.#options.headers,
        ...(request.body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...request.headers,
      },
      ...(request.body === undefined ? {} : { body: stringifyExactJson(request.body) }),
      timeoutMs: request.timeoutMs,
    });
  }

  #read(answer: HttpAnswer): RestAnswer {
    let value: unknown = null;
    try {
      if (answer.text !== "") value = parseExactJson(answer.text);
    } catch {
      if (answer.status < 300) {
        throw new UserError(`${capitalised(this.title)} does not speak JSON`, {
          code: "catalog_refused",
          kind: "execution",
          hint: "check uri of the connection: it ends before /v1",
        });
      }
    }
    const error = isMapping(value) && isMapping(value.error) ? value.error : {};
    const message = typeof error.message === "string" ? error.message : `HTTP ${answer.status}`;
    return {
      status: answer.status,
      value,
      errorType: typeof error.type === "string" ? error.type : null,
      message: this.#mask(message.slice(0, 500)),
    };
  }

  #noAnswer(error: NoAnswer, isIdempotent: boolean): Error {
    if (!isIdempotent && error.mayHaveArrived) return new UnknownOutcome(error.message, false);
    return this.#unavailable(error.message);
  }

  #trouble(answer: HttpAnswer, isIdempotent: boolean): Error {
    const { message } = this.#read(answer);
    // Nothing was done: the catalog says so itself.
    if (isIdempotent || answer.status === 429) return this.#unavailable(message);
    // Behind a gateway that gave up the catalog may still be at work.
    return new UnknownOutcome(message, answer.status === 500 || answer.status === 503);
  }

  #unavailable(why: string): UserError {
    return new UserError(`${capitalised(this.title)} cannot be reached: ${this.#mask(why)}`, {
      code: "catalog_unavailable",
      kind: "dependency",
      hint: `seeknal connection-test ${this.#options.connection}`,
    });
  }

  #mask(text: string): string {
    return this.#options.tokens.secrets().reduce(
      (masked, secret) => secret === "" ? masked : masked.replaceAll(secret, "***"),
      text,
    );
  }
}

/** Waits as long as the catalog asks for, or ever longer. */
async function pause(attempt: number, retryAfter: string | null): Promise<void> {
  const asked = /^\d+$/.test(retryAfter ?? "") ? Number(retryAfter) * 1000 : null;
  const own = FIRST_PAUSE * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
  await new Promise((resolve) => setTimeout(resolve, Math.min(asked ?? own, LONGEST_PAUSE)));
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
