import { join } from "node:path";
import { listDir } from "../cache/output_cache.ts";
import type { Workspace } from "./workspace.ts";

/** Names of folders that a process makes for itself below `target/cache/tmp`. */
const OWN_FOLDER_REGEXP = /^(?:spill|download)-(\d+)-/;

/** When disposed, removes what this process spilled to disk or downloaded; to be declared before what uses it. */
export function ownFolders({ cache }: Pick<Workspace, "cache">): Disposable {
  return {
    [Symbol.dispose]: () => {
      for (const name of listDir(cache.temporaryDir)) {
        if (OWN_FOLDER_REGEXP.exec(name)?.[1] !== String(Deno.pid)) continue;
        Deno.removeSync(join(cache.temporaryDir, name), { recursive: true });
      }
    },
  };
}
