import { createHash } from "node:crypto";

/** Hex SHA-256 of a text (as UTF-8) or of bytes. Synchronous, so that pure code can call it. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Hex SHA-256 and length in bytes of a file, read in chunks of 1 MiB. */
export function hashFile(path: string): { hash: string; sizeBytes: number } {
  const hash = createHash("sha256");
  using file = Deno.openSync(path, { read: true });
  const buffer = new Uint8Array(1 << 20);
  let sizeBytes = 0;
  for (let n = file.readSync(buffer); n !== null; n = file.readSync(buffer)) {
    hash.update(buffer.subarray(0, n));
    sizeBytes += n;
  }
  return { hash: hash.digest("hex"), sizeBytes };
}

/** Hex SHA-256 of the first `bytes` bytes of a file. */
export function hashFileHead(path: string, bytes: number): string {
  using file = Deno.openSync(path, { read: true });
  const buffer = new Uint8Array(bytes);
  let filled = 0;
  while (filled < bytes) {
    const n = file.readSync(buffer.subarray(filled));
    if (n === null) break;
    filled += n;
  }
  return sha256(buffer.subarray(0, filled));
}
