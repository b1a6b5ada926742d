import { jar, SERVER_JAR, Unavailable } from "./programs.ts";

/** Iceberg's own REST server: JdbcCatalog on a SQLite file, warehouse in a folder. */
export class JavaRestServer implements AsyncDisposable {
  readonly uri: string;
  readonly #process: Deno.ChildProcess;

  private constructor(uri: string, process: Deno.ChildProcess) {
    this.uri = uri;
    this.#process = process;
  }

  /** Throws an {@linkcode Unavailable}. */
  static async start(database: string, warehouse: string): Promise<JavaRestServer> {
    const path = await jar(SERVER_JAR);
    const port = freePort();
    const uri = `http://127.0.0.1:${port}`;
    let process: Deno.ChildProcess;
    try {
      process = new Deno.Command("java", {
        args: ["-jar", path],
        env: {
          CATALOG_WAREHOUSE: `file://${warehouse}`,
          CATALOG_URI: `jdbc:sqlite:${database}`,
          CATALOG_CATALOG_NAME: "atlas",
          CATALOG_IO__IMPL: "org.apache.iceberg.hadoop.HadoopFileIO",
          CATALOG_JDBC_SCHEMA__VERSION: "V1",
          CATALOG_REST_PORT: String(port),
        },
        stdout: "null",
        stderr: "null",
      }).spawn();
    } catch (error) {
      throw new Unavailable(`java: ${error instanceof Error ? error.message : error}`);
    }
    const server = new JavaRestServer(uri, process);
    for (let i = 0; i < 120; i++) {
      try {
        await (await fetch(`${uri}/v1/config`)).body?.cancel();
        return server;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
    await server[Symbol.asyncDispose]();
    throw new Error("Iceberg's REST server does not answer");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.status;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
