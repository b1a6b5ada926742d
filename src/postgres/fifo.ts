/** A named pipe between this process's COPY and DuckDB's reader: nothing is written to disk and both work at once. */
export interface Fifo {
  /** Opens the writing end, once there is a reader. */
  write(bytes: Uint8Array): Promise<void>;
  /** Tells the reader that nothing more comes. */
  close(): Promise<void>;
  /** The reader has given up: what is being written to it is read away, so that nobody waits for ever. */
  drain(): Promise<void>;
}

/** Makes a named pipe; null where the system or the permissions have none. */
export async function makeFifo(path: string): Promise<Fifo | null> {
  if (Deno.build.os === "windows") return null;
  try {
    const { success } = await new Deno.Command("mkfifo", {
      args: ["-m", "600", path],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success ? new NamedPipe(path) : null;
  } catch {
    return null;
  }
}

class NamedPipe implements Fifo {
  readonly #path: string;
  #writer: Promise<Deno.FsFile> | null = null;
  #reader: Promise<Deno.FsFile> | null = null;
  #isClosed = false;

  constructor(path: string) {
    this.#path = path;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const file = await this.#open();
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const file = await this.#open();
    // A reader that is only just being opened would wait for ever for a writer.
    await this.#reader;
    file.close();
  }

  async drain(): Promise<void> {
    if (this.#isClosed || this.#reader !== null) return;
    // Either end waits for the other to be opened.
    this.#open().catch(() => {});
    this.#reader = Deno.open(this.#path, { read: true });
    using file = await this.#reader;
    const bytes = new Uint8Array(1 << 16);
    while (await file.read(bytes) !== null);
  }

  #open(): Promise<Deno.FsFile> {
    return this.#writer ??= Deno.open(this.#path, { write: true });
  }
}
