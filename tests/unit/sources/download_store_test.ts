import assert from "node:assert/strict";
import { basename } from "node:path";
import { sha256 } from "../../../src/base/hash.ts";
import { DownloadStore } from "../../../src/sources/download_store.ts";
import { TempDir } from "../../support/temp_dir.ts";

const HOUR = 3_600_000;

function keep(dir: TempDir, store: DownloadStore, address: string, text: string): string {
  const hash = sha256(text);
  store.keep(dir.write("down", text), address, { sha256: hash, etag: null, lastModified: null });
  return hash;
}

Deno.test("DownloadStore remembers what an address gave, and believes no file that was written to", () => {
  using dir = new TempDir();
  const store = new DownloadStore(dir.join("cache", "tmp"), false);
  const hash = keep(dir, store, "https://host/a?key=secret", "one");
  assert.equal(store.remembered("https://host/a?key=secret")?.sha256, hash);
  assert.equal(store.remembered("https://host/b"), null);
  const names = [...Deno.readDirSync(store.folder)].map(({ name }) => name).join();
  assert.ok(!names.includes("secret"));
  Deno.chmodSync(store.path(hash), 0o644);
  Deno.writeTextFileSync(store.path(hash), "two");
  assert.equal(store.remembered("https://host/a?key=secret"), null);
  assert.equal(store.has(hash), false);
});

Deno.test("DownloadStore.unused() names what no address gave last, and what nobody used for long", () => {
  using dir = new TempDir();
  const store = new DownloadStore(dir.join("cache", "tmp"), false);
  const [old, now] = [keep(dir, store, "a", "old"), keep(dir, store, "a", "new")];
  const unused = (hours: number) =>
    store.unused(new Date(Date.now() + hours * HOUR), { graceMs: HOUR, keepMs: 24 * HOUR })
      .map((path) => basename(path).replace(".used", "").replace(".json", ""));
  assert.deepEqual(unused(0), []);
  assert.deepEqual([...new Set(unused(2))], [old]);
  assert.deepEqual([...new Set(unused(25))].sort(), [old, now, sha256("a")].sort());
});
