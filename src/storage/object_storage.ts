/** A file in a store. */
export interface StoredObject {
  /** Full location: `file:///…` or `s3://bucket/key`. */
  readonly location: string;
  readonly sizeBytes: number;
  readonly modified: Date;
}

/** Files by full location, on local disk or in an object store. Locations of other stores are refused. */
export interface ObjectStorage {
  /** Throws a `UserError` `object_missing` (4) when there is none. */
  read(location: string): Promise<Uint8Array>;
  /** Whole or not at all; with `ifAbsent` throws `UserError` `object_exists` (4) when there is one already. */
  write(
    location: string,
    data: Uint8Array,
    options?: { readonly ifAbsent?: boolean },
  ): Promise<void>;
  /** Streams a local file up. */
  upload(localPath: string, location: string): Promise<void>;
  /** Streams a file down; local path is written whole or not at all. */
  download(location: string, localPath: string): Promise<void>;
  /** Absolute path where the file lies on this machine's disk; null when it must be downloaded first. */
  localPath(location: string): string | null;
  /** Null when there is none. */
  stat(location: string): Promise<StoredObject | null>;
  /** All files below a location, in any order. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** Files that are gone already are no error. */
  remove(locations: readonly string[]): Promise<void>;
}
