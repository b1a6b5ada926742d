import { createHash } from "node:crypto";

/** Hex SHA-256 of a text (as UTF-8) or of bytes. Synchronous, so that pure code can call it. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** What `headHash` of {@linkcode hashFile} covers. */
const HEAD_BYTES = 4096;

/** Hex SHA-256 of a file and of its first 4 KB, and its length in bytes; read in chunks of 1 MiB. */
export function hashFile(path: string): { hash: string; headHash: string; sizeBytes: number } {
  const hash = createHash("sha256");
  const head = createHash("sha256");
  using file = Deno.openSync(path, { read: true });
  let sizeBytes = 0;
  for (let n = file.readSync(BUFFER); n !== null; n = file.readSync(BUFFER)) {
    const chunk = BUFFER.subarray(0, n);
    hash.update(chunk);
    if (sizeBytes < HEAD_BYTES) head.update(chunk.subarray(0, HEAD_BYTES - sizeBytes));
    sizeBytes += n;
  }
  return { hash: hash.digest("hex"), headHash: head.digest("hex"), sizeBytes };
}

/** One for all files: a fresh one for each of a thousand small files is a gigabyte of garbage. */
const BUFFER = new Uint8Array(1 << 20);
