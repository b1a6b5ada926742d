import { createHash } from "node:crypto";

/** The kinds of Git objects that we write. */
export type ObjectType = "blob" | "tree" | "commit";

/** A Git object that is not stored yet. */
export interface GitObject {
  readonly oid: string;
  readonly type: ObjectType;
  readonly data: Uint8Array;
}

/** The name Git gives an object. */
export function gitOid(type: ObjectType, data: Uint8Array): string {
  return createHash("sha1").update(`${type} ${data.length}\0`).update(data).digest("hex");
}
