import type { ObjectBatch } from "./object_batch.ts";

/** Names of the trees that make up a snapshot. */
export interface TreeIds {
  readonly root: string;
  /** By folder path without a slash at the end; `""` is the root. */
  readonly folders: ReadonlyMap<string, string>;
}

interface Folder {
  readonly files: Map<string, string>;
  readonly folders: Map<string, Folder>;
}

/** Builds the Git trees for files given by path and blob name. */
export function buildTrees(blobs: ReadonlyMap<string, string>, batch: ObjectBatch): TreeIds {
  const root = newFolder();
  for (const [path, oid] of blobs) {
    const parts = path.split("/");
    let folder = root;
    for (const part of parts.slice(0, -1)) {
      let next = folder.folders.get(part);
      if (next === undefined) folder.folders.set(part, next = newFolder());
      folder = next;
    }
    folder.files.set(parts.at(-1)!, oid);
  }
  const folders = new Map<string, string>();
  return { root: writeFolder(root, "", batch, folders), folders };
}

function newFolder(): Folder {
  return { files: new Map(), folders: new Map() };
}

function writeFolder(
  folder: Folder,
  path: string,
  batch: ObjectBatch,
  written: Map<string, string>,
): string {
  const entries = [...folder.files].map(([name, oid]) => ({
    mode: "100644",
    name,
    key: name,
    oid,
  }));
  for (const [name, child] of folder.folders) {
    const oid = writeFolder(child, path === "" ? name : `${path}/${name}`, batch, written);
    // Git sorts a folder as if its name ended with a slash.
    entries.push({ mode: "40000", name, key: `${name}/`, oid });
  }
  const encoder = new TextEncoder();
  const sorted = entries
    .map((entry) => ({ ...entry, bytes: encoder.encode(entry.key) }))
    .sort((a, b) => compareBytes(a.bytes, b.bytes));
  const parts = sorted.map(({ mode, name, oid }) => treeEntry(mode, encoder.encode(name), oid));
  const data = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  const oid = batch.add("tree", data);
  written.set(path, oid);
  return oid;
}

function treeEntry(mode: string, name: Uint8Array, oid: string): Uint8Array {
  const head = new TextEncoder().encode(`${mode} `);
  const bytes = new Uint8Array(head.length + name.length + 21);
  bytes.set(head);
  bytes.set(name, head.length);
  for (let i = 0; i < 20; i++) {
    bytes[bytes.length - 20 + i] = parseInt(oid.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
