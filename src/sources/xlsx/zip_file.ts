/** A file inside a ZIP file. */
interface Entry {
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly sizeBytes: number;
  /** Of its local header, from the start of the file. */
  readonly offset: number;
}

const END = 0x06054b50;
const END_64_LOCATOR = 0x07064b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
/** The end record with the longest comment. */
const TAIL = 22 + 0xffff;
/** What a 32-bit field holds whose value is in the 64-bit extra field. */
const IN_EXTRA = 0xffffffff;

/** Why a file cannot be read as ZIP. */
export class ZipError extends Error {
  override readonly name = "ZipError";
}

/**
 * A ZIP file, read where it lies, as far as workbooks need it: stored and deflated entries, 64-bit sizes.
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export class ZipFile implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #entries: ReadonlyMap<string, Entry>;

  /** Throws a `ZipError` for what is no ZIP file. */
  constructor(path: string) {
    this.#file = Deno.openSync(path, { read: true });
    try {
      this.#entries = this.#readDirectory(this.#file.statSync().size);
    } catch (error) {
      this.#file.close();
      throw error instanceof RangeError ? new ZipError("it is cut short") : error;
    }
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** The text of an entry, decoded as UTF-8, piece by piece. Throws a `ZipError`. */
  async *text(name: string): AsyncGenerator<string> {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new ZipError(`it has no ${name}`);
    if (entry.isEncrypted) throw new ZipError("it is encrypted");
    if (entry.method !== 0 && entry.method !== 8) {
      throw new ZipError(`${name} is compressed in a way that workbooks do not use`);
    }
    const raw = ReadableStream.from(this.#bytes(entry));
    const bytes = entry.method === 0
      ? raw
      : raw.pipeThrough(new DecompressionStream("deflate-raw"));
    try {
      yield* bytes.pipeThrough(new TextDecoderStream());
    } catch (error) {
      if (error instanceof ZipError) throw error;
      throw new ZipError(`${name} is damaged`, { cause: error });
    }
  }

  /** All of an entry that is small. Throws a `ZipError` for one of more than 256 MB. */
  async wholeText(name: string): Promise<string> {
    let text = "";
    for await (const piece of this.text(name)) {
      text += piece;
      if (text.length > 1 << 28) throw new ZipError(`${name} is too large`);
    }
    return text;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  *#bytes(entry: Entry): Generator<Uint8Array<ArrayBuffer>> {
    const header = this.#read(entry.offset, 30);
    if (header.getUint32(0, true) !== LOCAL) throw new ZipError("its directory is damaged");
    const start = entry.offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
    for (let done = 0; done < entry.sizeBytes;) {
      const size = Math.min(1 << 16, entry.sizeBytes - done);
      const view = this.#read(start + done, size);
      yield new Uint8Array(view.buffer);
      done += size;
    }
  }

  #readDirectory(size: number): Map<string, Entry> {
    const tail = this.#read(Math.max(0, size - TAIL), Math.min(size, TAIL));
    let end = tail.byteLength - 22;
    while (end >= 0 && tail.getUint32(end, true) !== END) end--;
    if (end < 0) throw new ZipError("it is no ZIP file");
    let count = tail.getUint16(end + 10, true);
    let length = tail.getUint32(end + 12, true);
    let start = tail.getUint32(end + 16, true);
    if (end >= 20 && tail.getUint32(end - 20, true) === END_64_LOCATOR) {
      const record = this.#read(Number(tail.getBigUint64(end - 12, true)), 56);
      count = Number(record.getBigUint64(32, true));
      length = Number(record.getBigUint64(40, true));
      start = Number(record.getBigUint64(48, true));
    }
    if (start + length > size) throw new ZipError("it is cut short");
    return readEntries(this.#read(start, length), count);
  }

  #read(offset: number, length: number): DataView<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let done = 0; done < length;) {
      const n = this.#file.readSync(bytes.subarray(done));
      if (n === null) throw new ZipError("it is cut short");
      done += n;
    }
    return new DataView(bytes.buffer);
  }
}

function readEntries(view: DataView<ArrayBuffer>, count: number): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  const decoder = new TextDecoder();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (view.getUint32(at, true) !== ENTRY) throw new ZipError("its directory is damaged");
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const name = decoder.decode(new Uint8Array(view.buffer, at + 46, nameLength));
    const sizes = {
      whole: view.getUint32(at + 24, true),
      packed: view.getUint32(at + 20, true),
      offset: view.getUint32(at + 42, true),
    };
    const extra = new DataView(view.buffer, at + 46 + nameLength, extraLength);
    const { packed, offset } = withExtra(sizes, extra);
    entries.set(name, {
      method: view.getUint16(at + 10, true),
      isEncrypted: (view.getUint16(at + 8, true) & 1) === 1,
      sizeBytes: packed,
      offset,
    });
    at += 46 + nameLength + extraLength + view.getUint16(at + 32, true);
  }
  return entries;
}

function withExtra(
  sizes: { whole: number; packed: number; offset: number },
  extra: DataView,
): { packed: number; offset: number } {
  const { whole, packed, offset } = sizes;
  for (let at = 0; at + 4 <= extra.byteLength; at += 4 + extra.getUint16(at + 2, true)) {
    if (extra.getUint16(at, true) !== 1) continue;
    let next = at + 4;
    const take = (value: number) => {
      if (value !== IN_EXTRA) return value;
      next += 8;
      return Number(extra.getBigUint64(next - 8, true));
    };
    take(whole);
    return { packed: take(packed), offset: take(offset) };
  }
  return { packed, offset };
}
