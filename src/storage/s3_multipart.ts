import type { S3Connection } from "./s3_connection.ts";
import type { S3Location } from "./s3_location.ts";
import { escapeXml, textOf } from "./s3_xml.ts";

/** Size of a part in bytes; files up to it go up as one. S3 wants at least 5 MiB. */
const PART_BYTES = 8 << 20;

/** Parts on their way at a time: what an upload holds in memory. */
const CONCURRENCY = 3;

/** S3's limit. */
const MOST_PARTS = 10_000;

/** Streams a local file up. Nothing can be seen of it before all of it is there. */
export async function uploadFile(
  connection: S3Connection,
  localPath: string,
  location: S3Location,
): Promise<void> {
  using file = await Deno.open(localPath);
  const { size } = await file.stat();
  if (size <= PART_BYTES) {
    const payload = await fill(file, new Uint8Array(size));
    const answer = await connection.request({ method: "PUT", ...location, payload });
    await answer.body?.cancel();
    return;
  }
  const partBytes = Math.max(PART_BYTES, Math.ceil(size / MOST_PARTS));
  const uploadId = await begin(connection, location);
  try {
    const etags = await uploadParts(connection, location, { file, size, partBytes, uploadId });
    await complete(connection, location, uploadId, etags);
  } catch (error) {
    // Its parts would be kept, and paid for, until somebody looks for them.
    await abort(connection, location, uploadId).catch(() => {});
    throw error;
  }
}

interface Parts {
  readonly file: Deno.FsFile;
  readonly size: number;
  readonly partBytes: number;
  readonly uploadId: string;
}

async function uploadParts(
  connection: S3Connection,
  location: S3Location,
  { file, size, partBytes, uploadId }: Parts,
): Promise<string[]> {
  const count = Math.ceil(size / partBytes);
  const etags: string[] = new Array(count);
  let next = 0;
  let failed = false;
  let reading: Promise<unknown> = Promise.resolve();
  const work = async () => {
    // One for all parts of a worker: fresh ones would pile up faster than they are collected.
    const buffer = new Uint8Array(partBytes);
    while (next < count && !failed) {
      const number = next++;
      const bytes = buffer.subarray(0, Math.min(partBytes, size - number * partBytes));
      // One after the other: the file has one position.
      const part = reading.then(() => fill(file, bytes));
      reading = part.catch(() => {});
      try {
        etags[number] = await uploadPart(connection, location, uploadId, number + 1, await part);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: CONCURRENCY }, work));
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return etags;
}

async function uploadPart(
  connection: S3Connection,
  location: S3Location,
  uploadId: string,
  partNumber: number,
  payload: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const query = { partNumber: String(partNumber), uploadId };
  const answer = await connection.request({ method: "PUT", ...location, query, payload });
  await answer.body?.cancel();
  return answer.headers.get("etag") ?? "";
}

async function begin(connection: S3Connection, location: S3Location): Promise<string> {
  const answer = await connection.request({ method: "POST", ...location, query: { uploads: "" } });
  const id = textOf(await answer.text(), "UploadId");
  if (id === null) throw new Error("The object store began an upload without naming it");
  return id;
}

async function complete(
  connection: S3Connection,
  location: S3Location,
  uploadId: string,
  etags: readonly string[],
): Promise<void> {
  const parts = etags.map((etag, i) =>
    `<Part><PartNumber>${i + 1}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`
  );
  const xml = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
  const payload = new TextEncoder().encode(xml);
  let wasRetried = false;
  try {
    const answer = await connection.request(
      { method: "POST", ...location, query: { uploadId }, payload },
      () => wasRetried = true,
    );
    const text = await answer.text();
    // S3 begins to answer before it knows: an error may come with status 200.
    if (textOf(text, "ETag") === null) {
      throw new Error(`The object store did not complete an upload: ${textOf(text, "Message")}`);
    }
  } catch (error) {
    // The attempt before may have completed it without its answer reaching us.
    if (wasRetried && await isComplete(connection, location, etags.length)) return;
    throw error;
  }
}

/** The etag of what was uploaded in parts ends with their number. */
async function isComplete(
  connection: S3Connection,
  location: S3Location,
  parts: number,
): Promise<boolean> {
  try {
    const answer = await connection.request({ method: "HEAD", ...location });
    await answer.body?.cancel();
    return answer.headers.get("etag")?.replaceAll('"', "").endsWith(`-${parts}`) ?? false;
  } catch {
    return false;
  }
}

async function abort(
  connection: S3Connection,
  location: S3Location,
  uploadId: string,
): Promise<void> {
  const request = { method: "DELETE", ...location, query: { uploadId }, status: 204 } as const;
  await (await connection.request(request)).body?.cancel();
}

async function fill(
  file: Deno.FsFile,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  for (let done = 0; done < bytes.length;) {
    const count = await file.read(bytes.subarray(done));
    if (count === null) throw new Error("A file became shorter while it was uploaded");
    done += count;
  }
  return bytes;
}
