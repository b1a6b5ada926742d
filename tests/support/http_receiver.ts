/** A request as it came in. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

/** A real HTTP server that keeps what it is sent. */
export class HttpReceiver implements AsyncDisposable {
  readonly received: Received[] = [];
  /** Says how to answer; 200 unless it says otherwise. */
  answer: (request: Received) => Response | Promise<Response> = () => new Response("ok");
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      async (request) => {
        const { method, url, headers } = request;
        const received = {
          method,
          path: new URL(url).pathname,
          headers,
          body: await request.text(),
        };
        this.received.push(received);
        return await this.answer(received);
      },
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** What came since the last call. */
  take(): Received[] {
    return this.received.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
