import { UserError } from "../base/user_error.ts";

/** Where an object lies. */
export interface S3Location {
  /** `s3`, `s3a` or `s3n`, as it was written. */
  readonly scheme: string;
  readonly bucket: string;
  readonly key: string;
}

/** True for `s3://…` and for the names that Hadoop gave to it. */
export function isS3Location(location: string): boolean {
  return /^s3[an]?:\/\//.test(location);
}

/**
 * Takes a location apart; the key is everything after the bucket, nothing is decoded. Throws a
 * `UserError` `location_unsupported` (2), also for keys that no URL can carry.
 */
export function parseS3Location(location: string): S3Location {
  const [, scheme, bucket, key] = /^(s3[an]?):\/\/([^/]+)(?:\/(.*))?$/s.exec(location) ?? [];
  if (scheme === undefined || bucket === undefined) {
    throw unsupported(location, "it is not s3://bucket/key");
  }
  // A URL would be shortened by the first two and end at the third.
  if (key?.split("/").some((part) => part === "." || part === "..")) {
    throw unsupported(location, 'its key has "." or ".." as a part');
  }
  if (key?.includes("?")) throw unsupported(location, 'its key has a "?"');
  return { scheme, bucket, key: key ?? "" };
}

/** The location of an object. */
export function s3LocationOf({ scheme, bucket, key }: S3Location): string {
  return `${scheme}://${bucket}/${key}`;
}

function unsupported(location: string, why: string): UserError {
  return new UserError(`Cannot use ${location}: ${why}`, {
    code: "location_unsupported",
    kind: "usage",
    hint: "choose another location",
  });
}
