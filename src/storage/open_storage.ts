import { UserError } from "../base/user_error.ts";
import { isLocalLocation, LocalStorage } from "./local_storage.ts";
import type { ObjectStorage } from "./object_storage.ts";
import type { S3ConnectionOptions } from "./s3_connection.ts";
import { isS3Location } from "./s3_location.ts";

/** How stores are reached. */
export type StorageOptions = S3ConnectionOptions;

/**
 * Opens the store in which a location lies, by its scheme. Throws a `UserError`
 * `location_unsupported` (2) for one that is neither local nor S3.
 */
export async function openStorage(
  location: string,
  options: StorageOptions,
): Promise<ObjectStorage> {
  if (isLocalLocation(location)) return new LocalStorage();
  if (isS3Location(location)) {
    const { S3Storage } = await import("./s3_storage.ts");
    return new S3Storage(options);
  }
  throw new UserError(`Cannot open ${location}: its scheme is not supported`, {
    code: "location_unsupported",
    kind: "usage",
    hint: "seeknal reads and writes file:///folder and s3://bucket/folder",
  });
}
