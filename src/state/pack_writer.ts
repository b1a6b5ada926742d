import { createHash } from "node:crypto";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import { writeFileDurably } from "../base/atomic_write.ts";
import type { GitObject, ObjectType } from "./git_object.ts";

/** Numbers of object types in a pack (gitformat-pack(5)). */
const TYPE_NUMBERS: Readonly<Record<ObjectType, number>> = { commit: 1, tree: 2, blob: 3 };

interface Packed {
  readonly oid: string;
  readonly offset: number;
  readonly crc: number;
}

/**
 * Writes objects as one pack with its index, version 2 of both, without deltas
 * (gitformat-pack(5)). The index appears last and by rename: until then the pack
 * does not exist for a reader. Returns the pack's path.
 */
export function writePack(gitDir: string, objects: readonly GitObject[]): string {
  const { bytes, packed, checksum } = encodePack(objects);
  const folder = join(gitDir, "objects", "pack");
  Deno.mkdirSync(folder, { recursive: true });
  const path = join(folder, `pack-${checksum.toString("hex")}`);
  writeFileDurably(`${path}.pack`, bytes, 0o444);
  writeFileDurably(`${path}.idx`, encodeIndex(packed, checksum), 0o444);
  return `${path}.pack`;
}

function encodePack(objects: readonly GitObject[]) {
  const header = new Uint8Array(12);
  const view = new DataView(header.buffer);
  header.set(new TextEncoder().encode("PACK"));
  view.setUint32(4, 2);
  view.setUint32(8, objects.length);
  const chunks: Uint8Array[] = [header];
  const packed: Packed[] = [];
  let offset = header.length;
  for (const { oid, type, data } of objects) {
    const entry = concat([entryHeader(type, data.length), deflateSync(data)]);
    packed.push({ oid, offset, crc: crc32(entry) });
    chunks.push(entry);
    offset += entry.length;
  }
  const body = concat(chunks);
  const checksum = createHash("sha1").update(body).digest();
  return { bytes: concat([body, checksum]), packed, checksum };
}

/** Type and size: four bits of size in the first byte, seven in each that follows. */
function entryHeader(type: ObjectType, size: number): Uint8Array {
  const bytes: number[] = [];
  let byte = (TYPE_NUMBERS[type] << 4) | (size & 0x0f);
  let rest = Math.floor(size / 16);
  while (rest > 0) {
    bytes.push(byte | 0x80);
    byte = rest & 0x7f;
    rest = Math.floor(rest / 128);
  }
  bytes.push(byte);
  return Uint8Array.from(bytes);
}

function encodeIndex(objects: readonly Packed[], packChecksum: Uint8Array): Uint8Array {
  const sorted = [...objects].sort((a, b) => (a.oid < b.oid ? -1 : 1));
  if ((sorted.at(-1)?.offset ?? 0) > 0x7fffffff) throw new Error("Pack is larger than 2 GiB");
  const count = sorted.length;
  const bytes = new Uint8Array(8 + 1024 + count * 28 + 40);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xff744f63);
  view.setUint32(4, 2);
  const fanout = new Array<number>(256).fill(0);
  for (const { oid } of sorted) fanout[parseInt(oid.slice(0, 2), 16)]!++;
  let total = 0;
  fanout.forEach((n, i) => view.setUint32(8 + 4 * i, total += n));
  const names = 8 + 1024;
  const crcs = names + 20 * count;
  const offsets = crcs + 4 * count;
  sorted.forEach(({ oid, offset, crc }, i) => {
    for (let b = 0; b < 20; b++) {
      bytes[names + 20 * i + b] = parseInt(oid.slice(2 * b, 2 * b + 2), 16);
    }
    view.setUint32(crcs + 4 * i, crc);
    view.setUint32(offsets + 4 * i, offset);
  });
  bytes.set(packChecksum, offsets + 4 * count);
  const checksum = createHash("sha1").update(bytes.subarray(0, bytes.length - 20)).digest();
  bytes.set(checksum, bytes.length - 20);
  return bytes;
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    result.set(chunk, offset);
    offset += chunk.length;
  }
  return result;
}
