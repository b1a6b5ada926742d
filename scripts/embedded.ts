import { Buffer } from "node:buffer";

/** One file inside a compiled binary. */
export interface EmbeddedFile {
  /** As it was when the binary was built. */
  readonly bytes: Uint8Array;
  /** What the runtime executes: the emitted JavaScript of a TypeScript module, else `bytes`. */
  readonly executed: Uint8Array;
}

/** What `deno compile` put into a binary. */
export interface EmbeddedProgram {
  /** Facts for the runtime: entry point, permissions, import map, how to unpack. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Modules that were embedded from the network instead of the disk. */
  readonly remoteModules: number;
  /** By path with `/`, npm packages below `EMBEDDED_PACKAGES`. */
  readonly files: ReadonlyMap<string, EmbeddedFile>;
}

/** Where a binary keeps its npm packages: `<name>/<version>/…` below this folder. */
export const EMBEDDED_PACKAGES = ".deno_compile_node_modules/localhost";

type Range = readonly [offset: number, length: number];

/** An entry of the listing, in Deno's spelling: n(ame), e(ntries), o(riginal), m = emitted. */
type Entry =
  | { readonly Dir: { readonly n: string; readonly e: readonly Entry[] } }
  | { readonly File: { readonly n: string; readonly o: Range; readonly m?: Range } }
  | { readonly Symlink: { readonly n: string } };

const MARK = Buffer.from("d3n0l4nd");

/**
 * Reads the section that `deno compile` (Deno 2.9) adds to a binary: the mark, metadata, npm
 * snapshot, tables of remote modules, the listing of files, their bytes, and the mark again.
 */
export function readEmbedded(binary: string): EmbeddedProgram {
  const content = Deno.readFileSync(binary);
  const buffer = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  // The runtime's own code holds the mark as well, followed by something else.
  for (let at = buffer.indexOf(MARK); at >= 0; at = buffer.indexOf(MARK, at + 1)) {
    const program = readSection(buffer, at + MARK.length);
    if (program !== null) return program;
  }
  throw new Error(`${binary}: no embedded program found`);
}

function readSection(buffer: Buffer, start: number): EmbeddedProgram | null {
  let position = start;
  const block = (): Buffer | null => {
    if (position + 8 > buffer.length) return null;
    const length = Number(buffer.readBigUInt64LE(position));
    const from = position + 8;
    if (from + length > buffer.length) return null;
    position = from + length;
    return buffer.subarray(from, position);
  };
  const metadata = block();
  if (metadata === null || metadata[0] !== 0x7b || block() === null) return null;
  const tables = [0, 4, 8].map((offset) => buffer.readUInt32LE(position + offset));
  const remoteModules = Math.max(...tables);
  if (remoteModules > 0) return { metadata: parse(metadata), remoteModules, files: new Map() };
  position += 12;
  const listing = block();
  const data = block();
  if (listing === null || data === null) return null;
  if (!buffer.subarray(position, position + MARK.length).equals(MARK)) return null;
  const files = new Map<string, EmbeddedFile>();
  const slice = ([offset, length]: Range) => data.subarray(offset, offset + length);
  const collect = (entries: readonly Entry[], folder: string) => {
    for (const entry of entries) {
      if ("Dir" in entry) collect(entry.Dir.e, `${folder}${entry.Dir.n}/`);
      else if ("File" in entry) {
        const { n, o, m } = entry.File;
        files.set(`${folder}${n}`, { bytes: slice(o), executed: slice(m ?? o) });
      }
    }
  };
  collect(parse(listing), "");
  return { metadata: parse(metadata), remoteModules, files };
}

// deno-lint-ignore no-explicit-any
function parse(json: Buffer): any {
  return JSON.parse(json.toString());
}
