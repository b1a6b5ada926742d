import type { ObjectBatch } from "./object_batch.ts";

/** A line of a tree. */
export interface TreeEntry {
  readonly mode: "100644" | "40000";
  readonly name: string;
  readonly oid: string;
}

interface Folder {
  readonly files: Map<string, string>;
  readonly folders: Map<string, Folder>;
}

/** Builds the trees for files given by path and blob name; returns all of them, the root on its own too. */
export function buildTrees(
  blobs: ReadonlyMap<string, string>,
  batch: ObjectBatch,
): { root: string; trees: string[] } {
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
  const trees: string[] = [];
  return { root: writeFolder(root, batch, trees), trees };
}

function newFolder(): Folder {
  return { files: new Map(), folders: new Map() };
}

function writeFolder(folder: Folder, batch: ObjectBatch, trees: string[]): string {
  const entries: TreeEntry[] = [
    ...[...folder.files].map(([name, oid]) => ({ mode: "100644", name, oid }) as const),
    ...[...folder.folders].map(([name, child]) => {
      return { mode: "40000", name, oid: writeFolder(child, batch, trees) } as const;
    }),
  ];
  const oid = writeTree(entries, batch);
  trees.push(oid);
  return oid;
}

/** Adds one tree to a batch and returns its name. */
export function writeTree(
  entries: readonly TreeEntry[],
  batch: ObjectBatch,
  options: { readonly loose: boolean } = { loose: false },
): string {
  const encoder = new TextEncoder();
  const sorted = entries.map((entry) => ({
    ...entry,
    bytes: encoder.encode(entry.name),
    // Git sorts a folder as if its name ended with a slash.
    key: encoder.encode(entry.mode === "40000" ? `${entry.name}/` : entry.name),
  })).sort((a, b) => compareBytes(a.key, b.key));
  const parts = sorted.map(({ mode, bytes, oid }) => encodeEntry(mode, bytes, oid));
  const data = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  return batch.add("tree", data, options);
}

function encodeEntry(mode: string, name: Uint8Array, oid: string): Uint8Array {
  const head = new TextEncoder().encode(`${mode} `);
  const bytes = new Uint8Array(head.length + name.length + 21);
  bytes.set(head);
  bytes.set(name, head.length);
  bytes.set(Uint8Array.fromHex(oid), bytes.length - 20);
  return bytes;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
