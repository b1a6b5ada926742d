import { join } from "node:path";
import { inflateSync } from "node:zlib";

/** Types of objects by their number in a pack; deltas are not among them. */
const TYPES: Readonly<Record<number, string>> = { 1: "commit", 2: "tree", 3: "blob", 4: "tag" };

const INDEX_MAGIC = 0xff744f63;
const FANOUT_AT = 8;
const NAMES_AT = FANOUT_AT + 256 * 4;
const NAME_BYTES = 20;

/**
 * Reads objects that packs hold as a whole, as Seeknal's own packs do, without reading a
 * whole pack. Format: git's `gitformat-pack`, index version 2.
 */
export class PackReader {
  readonly #dir: string;
  #packs: readonly Pack[] | null = null;

  constructor(gitDir: string) {
    this.#dir = join(gitDir, "objects", "pack");
  }

  /** An object, or null where no pack has it as a whole: it may be a delta, or somewhere else. */
  read(oid: string): { type: string; data: Uint8Array } | null {
    this.#packs ??= openPacks(this.#dir);
    const name = Uint8Array.fromHex(oid);
    for (const pack of this.#packs) {
      const offset = offsetOf(pack, name);
      if (offset !== null) return readAt(pack.path, offset);
    }
    return null;
  }

  /** Forgets which packs there are: a repack may have replaced them. */
  reset(): void {
    this.#packs = null;
  }
}

interface Pack {
  readonly path: string;
  readonly index: DataView;
}

function openPacks(dir: string): Pack[] {
  const packs: Pack[] = [];
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(dir)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  for (const { name } of entries) {
    if (!name.endsWith(".idx")) continue;
    const bytes = Deno.readFileSync(join(dir, name));
    const index = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isKnown = bytes.length >= NAMES_AT && index.getUint32(0) === INDEX_MAGIC &&
      index.getUint32(4) === 2;
    if (isKnown) packs.push({ path: join(dir, name.replace(/\.idx$/, ".pack")), index });
  }
  return packs;
}

function offsetOf({ index }: Pack, name: Uint8Array): number | null {
  const count = index.getUint32(FANOUT_AT + 255 * 4);
  const first = name[0]!;
  let low = first === 0 ? 0 : index.getUint32(FANOUT_AT + (first - 1) * 4);
  let high = index.getUint32(FANOUT_AT + first * 4);
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = compareName(index, NAMES_AT + middle * NAME_BYTES, name);
    if (order === 0) return offsetAt(index, middle, count);
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return null;
}

function compareName(index: DataView, at: number, name: Uint8Array): number {
  for (let i = 0; i < NAME_BYTES; i++) {
    const difference = index.getUint8(at + i) - name[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Offsets beyond 2 GB stand in a table of their own behind the others. */
function offsetAt(index: DataView, position: number, count: number): number {
  const offsets = NAMES_AT + count * (NAME_BYTES + 4);
  const offset = index.getUint32(offsets + position * 4);
  if ((offset & 0x80000000) === 0) return offset;
  return Number(index.getBigUint64(offsets + count * 4 + (offset & 0x7fffffff) * 8));
}

/** Bytes read at first; most objects are shorter. */
const FIRST_READ = 4096;
/** Header bytes at the most, and what deflate may add to what it cannot compress. */
const OVERHEAD = 64;

function readAt(path: string, offset: number): { type: string; data: Uint8Array } | null {
  using file = Deno.openSync(path, { read: true });
  let bytes = readBytes(file, offset, FIRST_READ);
  const { type, size, length } = readHeader(bytes);
  const name = TYPES[type];
  if (name === undefined) return null;
  const longest = length + size + (size >> 10) + OVERHEAD;
  if (longest > bytes.length) bytes = readBytes(file, offset, longest);
  const data = new Uint8Array(inflateSync(bytes.subarray(length)));
  return data.length === size ? { type: name, data } : null;
}

function readBytes(file: Deno.FsFile, offset: number, length: number): Uint8Array {
  file.seekSync(offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = file.readSync(bytes.subarray(done));
    if (count === null) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

/** Type in three bits, size in groups of four and then seven bits, lowest first. */
function readHeader(bytes: Uint8Array): { type: number; size: number; length: number } {
  let at = 0;
  let byte = bytes[at++]!;
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  for (let factor = 16; (byte & 0x80) !== 0; factor *= 128) {
    byte = bytes[at++]!;
    size += (byte & 0x7f) * factor;
  }
  return { type, size, length: at };
}
