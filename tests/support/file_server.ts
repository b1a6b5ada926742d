/** What a server answers: a response, or bytes after which it breaks the connection off. */
export type Answer = Response | { readonly breaksOffAfter: Uint8Array; readonly claims: number };

/** A real HTTP server of one test, which remembers what it was asked. */
export class FileServer implements AsyncDisposable {
  readonly requests: { method: string; path: string; headers: Headers }[] = [];
  readonly #listener: Deno.TcpListener;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #raw: Promise<void>;
  #answer: (path: string, headers: Headers) => Answer | Promise<Answer>;

  constructor(answer: (path: string, headers: Headers) => Answer | Promise<Answer>) {
    this.#answer = answer;
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      (request) => this.#handle(request),
    );
    this.#listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    this.#raw = this.#serveRaw();
  }

  /** Address of a path. */
  url(path: string): string {
    return `http://127.0.0.1:${this.#server.addr.port}${path}`;
  }

  /** Address whose server says that it sends `claims` bytes and breaks off before. */
  brokenUrl(path: string): string {
    return `http://127.0.0.1:${this.#listener.addr.port}${path}`;
  }

  /** Answers differently from now on. */
  answer(answer: (path: string, headers: Headers) => Answer | Promise<Answer>): void {
    this.#answer = answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#raw;
    await this.#server.shutdown();
  }

  async #handle(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname;
    this.requests.push({ method: request.method, path, headers: request.headers });
    const answer = await this.#answer(path, request.headers);
    if (answer instanceof Response) return answer;
    throw new Error("a broken answer is asked for at brokenUrl");
  }

  async #serveRaw(): Promise<void> {
    for await (const connection of this.#listener) {
      const head = new TextDecoder().decode(await readHead(connection));
      const path = head.split(" ")[1] ?? "/";
      this.requests.push({ method: "GET", path, headers: new Headers() });
      const answer = await this.#answer(path, new Headers());
      if (answer instanceof Response) throw new Error("a whole answer is asked for at url");
      const start = `HTTP/1.1 200 OK\r\ncontent-length: ${answer.claims}\r\n\r\n`;
      await write(connection, new TextEncoder().encode(start));
      await write(connection, answer.breaksOffAfter);
      connection.close();
    }
  }
}

async function readHead(connection: Deno.Conn): Promise<Uint8Array> {
  const buffer = new Uint8Array(64 * 1024);
  const n = await connection.read(buffer);
  return buffer.subarray(0, n ?? 0);
}

async function write(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
}
