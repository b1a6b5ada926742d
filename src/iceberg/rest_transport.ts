import type { IncomingMessage } from "node:http";
import { isNeverConnected, networkReason } from "../storage/network_error.ts";

/** A request over HTTP. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Milliseconds until the whole answer must be there. */
  readonly timeoutMs: number;
}

/** A whole answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** There was no answer. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  /** False: the server cannot have seen the request. */
  readonly mayHaveArrived: boolean;

  constructor(reason: string, mayHaveArrived: boolean) {
    super(reason);
    this.mayHaveArrived = mayHaveArrived;
  }
}

/** Sends a request and reads its whole answer. Throws a {@linkcode NoAnswer}. */
export type Transport = (request: HttpRequest) => Promise<HttpAnswer>;

/** Verifies certificates and uses the proxy of the environment. */
export async function sendVerified(
  { timeoutMs, url, body, ...request }: HttpRequest,
): Promise<HttpAnswer> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const answer = await fetch(url, {
      ...request,
      ...(body === undefined ? {} : { body }),
      signal,
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error.name === "TimeoutError") throw timedOut(timeoutMs);
    throw new NoAnswer(networkReason(error), !isNeverConnected(error));
  }
}

/** Takes any certificate, for `verify_tls: false`; `fetch` has no way to do so. */
export async function sendUnverified(request: HttpRequest): Promise<HttpAnswer> {
  if (!request.url.startsWith("https:")) return await sendVerified(request);
  const { request: open } = await import("node:https");
  return await new Promise((resolve, reject) => {
    let isConnected = false;
    const { method, body = "" } = request;
    const headers = {
      ...request.headers,
      "content-length": new TextEncoder().encode(body).length,
    };
    // No pool: what it keeps open would keep the process alive.
    const options = { method, headers, rejectUnauthorized: false, agent: false } as const;
    const outgoing = open(request.url, options, (incoming) => {
      readAll(incoming).then(resolve, fail).finally(() => clearTimeout(timer));
    });
    const timer = setTimeout(() => {
      outgoing.destroy();
      reject(timedOut(request.timeoutMs));
    }, request.timeoutMs);
    function fail(error: Error): void {
      clearTimeout(timer);
      reject(new NoAnswer(error.message, isConnected));
    }
    outgoing.on("socket", (socket) => socket.on("secureConnect", () => isConnected = true));
    outgoing.on("error", fail);
    outgoing.end(body);
  });
}

async function readAll(incoming: IncomingMessage): Promise<HttpAnswer> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of incoming) text += decoder.decode(chunk, { stream: true });
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, String(value));
  }
  return { status: incoming.statusCode ?? 0, headers, text: text + decoder.decode() };
}

function timedOut(timeoutMs: number): NoAnswer {
  return new NoAnswer(`no answer within ${timeoutMs / 1000} s`, true);
}
