import type { ReadVariable } from "../base/interpolate.ts";
import { UserError } from "../base/user_error.ts";
import { isLocalLocation, LocalStorage } from "./local_storage.ts";
import type { ObjectStorage } from "./object_storage.ts";
import type { S3Options } from "./s3_options.ts";

/** How stores are reached. */
export interface StorageOptions {
  readonly s3: S3Options;
  /** For what the options leave open: `AWS_*`. */
  readonly env: ReadVariable;
  readonly now: () => Date;
}

/**
 * Opens the store in which a location lies, by its scheme. Throws a `UserError`
 * `location_unsupported` (2) for one that is neither local nor S3.
 */
export async function openStorage(
  location: string,
  _options: StorageOptions,
): Promise<ObjectStorage> {
  if (isLocalLocation(location)) return new LocalStorage();
  throw new UserError(`Cannot open ${location}: its scheme is not supported`, {
    code: "location_unsupported",
    kind: "usage",
    hint: "seeknal reads and writes file:///folder and s3://bucket/folder",
  });
}
