import { relative } from "node:path";

/** Milliseconds without a further change after which changes are told. */
const QUIET_MS = 120;

/** What Seeknal writes itself, what Git does, and what editors leave for a moment. */
const IGNORED =
  /^(target|\.git|node_modules|\.venv)(\/|$)|(^|\/)(\.#.*|#.*#|.*~|.*\.sw[px]|4913|.*\.tmp)$/;

/**
 * Project-relative files that change below a folder, gathered until nothing more changes for a moment.
 * Ends when the signal aborts.
 */
export async function* watchFiles(root: string, signal: AbortSignal): AsyncGenerator<string[]> {
  if (signal.aborted) return;
  using watcher = Deno.watchFs(root, { recursive: true });
  const changed = new Set<string>();
  let wake: () => void = () => {};
  let isDone = false;
  const end = () => {
    isDone = true;
    wake();
  };
  signal.addEventListener("abort", end, { once: true });
  void (async () => {
    for await (const { kind, paths } of watcher) {
      if (kind === "access") continue;
      for (const path of paths) {
        const file = relative(root, path).replaceAll("\\", "/");
        if (file !== "" && !IGNORED.test(file)) changed.add(file);
      }
      if (changed.size > 0) wake();
    }
  })().catch(end);
  while (!isDone) {
    if (changed.size === 0) await new Promise<void>((resolve) => wake = resolve);
    for (let size = -1; size !== changed.size && !isDone;) {
      size = changed.size;
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    }
    if (isDone || changed.size === 0) continue;
    const files = [...changed].sort();
    changed.clear();
    yield files;
  }
}
