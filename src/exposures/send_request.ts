import type { FieldReader, Scalar } from "../base/field_reader.ts";
import { sha256 } from "../base/hash.ts";
import { interpolate } from "../base/interpolate.ts";
import { UserError } from "../base/user_error.ts";
import type { Delivery, ExposureSettings } from "./exposure_type.ts";

const METHODS = ["POST", "PUT"] as const;
const TIMEOUT_SECONDS = 30;
const RETRIES = 2;
/** Answers after which the same request may do better. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MOST_MS = 30_000;

/** Headers that are made here. */
const OWN_HEADERS = ["content-type", "content-length", "host", "idempotency-key"];

/** The fields of every exposure that sends requests; null after reporting what is wrong. */
export function readRequestSettings(params: FieldReader): ExposureSettings | null {
  const url = params.requiredText("url", "https://example.org/hook");
  const method = (params.optionalText("method") ?? "POST").toUpperCase();
  const timeout = params.optionalPositive("timeout") ?? TIMEOUT_SECONDS;
  const written = params.optionalText("retries");
  const headers = params.scalars("headers");
  let isSound = url !== null;
  const wrong = (path: string[], message: string, hint: string) => {
    isSound = false;
    params.problem(path, "wrong_value", message, hint);
  };
  if (url !== null && !/^(https?:\/\/|\$\{)/i.test(url)) {
    wrong(
      ["url"],
      `"${url}" is no address of the web`,
      "write url: https://…, or url: ${VARIABLE}",
    );
  }
  if (url !== null && /^https?:\/\/[^/]*@/i.test(url)) {
    wrong(
      ["url"],
      "The address has a user or password in it",
      "write headers: {Authorization: ${VARIABLE}}",
    );
  }
  if (!METHODS.some((one) => one === method)) {
    wrong(["method"], `Unknown method "${method}"`, `write method: ${METHODS.join(" | ")}`);
  }
  if (written !== null && !/^\d$/.test(written)) {
    wrong(["retries"], `"${written}" is no number of retries`, "write retries: 0 to 9");
  }
  for (const name of Object.keys(headers)) {
    if (!/^[A-Za-z0-9!#$%&'*+.^_|~-]+$/.test(name) || OWN_HEADERS.includes(name.toLowerCase())) {
      wrong(["headers", name], `"${name}" is no header to set`, "leave it out");
    }
    if (/auth|token|key|secret|cookie/i.test(name) && !/\$\{/.test(String(headers[name]))) {
      params.warning(
        ["headers", name],
        "secret_in_file",
        `Header "${name}" looks like a secret that is written down`,
        `write ${name}: \${VARIABLE}, and set it where seeknal runs`,
      );
    }
  }
  return isSound
    ? { url, method, timeout, retries: written === null ? RETRIES : Number(written), headers }
    : null;
}

/**
 * Sends a body, again where that may help, and always with the same `Idempotency-Key` for the same content: a receiver
 * that keeps them takes nothing twice. `${VAR}` is put in here and nowhere else, and nothing that it stands for is
 * ever part of a message. Redirections are not followed: headers would go along to wherever they lead.
 *
 * Throws a `UserError` `delivery_failed` (4) or `unset_variable` (2).
 */
export async function sendRequest(
  { settings, signal, hash, environment, name, variable }: Delivery,
  body: string,
  part: number,
): Promise<void> {
  const written = String(settings["url"]);
  const method = String(settings["method"]);
  const put = (text: string, where: string) =>
    interpolate(text, variable, `${where} of exposure ${name}`);
  const url = put(written, "url");
  const own = (settings["headers"] ?? {}) as Readonly<Record<string, Scalar>>;
  const headers: [string, string][] = [
    ...Object.entries(own).map((
      [key, value],
    ): [string, string] => [key, put(String(value), `header ${key}`)]),
    ["Content-Type", "application/json"],
    ["Idempotency-Key", sha256(`${hash} ${part}`).slice(0, 32)],
    ["Seeknal-Exposure", encodeURIComponent(name)],
    ["Seeknal-Environment", environment],
  ];
  const timeoutMs = Number(settings["timeout"]) * 1000;
  const tries = Number(settings["retries"]) + 1;
  for (let attempt = 1;; attempt++) {
    signal.throwIfAborted();
    const answer = await send({ url, method, headers, body, timeoutMs, signal });
    if (answer.isDone) return;
    if (!answer.mayPass || attempt >= tries) {
      const count = attempt === 1 ? "" : ` (${attempt} tries)`;
      throw new UserError(`${method} ${written} ${answer.why}${count}`, {
        code: "delivery_failed",
        kind: "execution",
        hint: "see that the receiver works, then deliver again:\n    seeknal deliver",
      });
    }
    const backoff = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** (attempt - 1));
    await pause(answer.waitMs ?? backoff, signal);
  }
}

/** Waits, but not for somebody who asks to stop. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}

interface Answer {
  readonly isDone: boolean;
  readonly mayPass: boolean;
  readonly why: string;
  /** What the receiver asked to wait; null: nothing. */
  readonly waitMs: number | null;
}

async function send(
  { url, timeoutMs, signal, ...request }: {
    readonly url: string;
    readonly method: string;
    readonly headers: [string, string][];
    readonly body: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<Answer> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      ...request,
      redirect: "manual",
      signal: AbortSignal.any([signal, timeout]),
    });
    await response.body?.cancel();
    const { status, ok } = response;
    const why = status >= 300 && status < 400
      ? `answered ${status}: redirections are not followed, write the address that it leads to`
      : `answered ${status}`;
    return { isDone: ok, mayPass: PASSING.has(status), why, waitMs: waitOf(response) };
  } catch (error) {
    if (signal.aborted) throw error;
    const why = timeout.aborted
      ? `did not answer within ${timeoutMs / 1000} s`
      : whyUnreachable(error);
    return {
      isDone: false,
      mayPass: !(error instanceof TypeError && /invalid/i.test(error.message)),
      why,
      waitMs: null,
    };
  }
}

function waitOf({ headers }: Response): number | null {
  const seconds = Number(headers.get("Retry-After") ?? NaN);
  return Number.isFinite(seconds) && seconds >= 0
    ? Math.min(seconds * 1000, BACKOFF_MOST_MS)
    : null;
}

/** In words of our own: the engine's name the address, and what is secret in it. */
function whyUnreachable(error: unknown): string {
  const text = error instanceof Error ? `${error.message} ${error.cause ?? ""}` : "";
  if (/refused/i.test(text)) return "was refused: nobody listens there";
  if (/dns|lookup|resolve|not known/i.test(text)) return "found no such host";
  if (/certificate|tls|ssl|handshake/i.test(text)) return "found no trusted connection (TLS)";
  if (/blocked/i.test(text)) return "names a port that is not one of the web";
  if (/invalid/i.test(text)) return "has an address or a header that is none";
  return "could not be sent: the connection broke";
}
