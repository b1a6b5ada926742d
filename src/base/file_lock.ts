import { dirname } from "node:path";
import { UserError } from "./user_error.ts";

/**
 * Runs `work` while this process holds the exclusive lock on `path`.
 *
 * The lock is the operating system's (flock / LockFileEx), so a process that is
 * killed lets go of it: there are no stale locks to clean up. The file's text
 * only names the holder, for the message of whoever waits in vain.
 *
 * Throws a `UserError` `locked` after `timeoutMs` milliseconds.
 */
export async function withFileLock<T>(
  path: string,
  options: { readonly timeoutMs: number; readonly holder: string; readonly what?: string },
  work: () => Promise<T> | T,
): Promise<T> {
  Deno.mkdirSync(dirname(path), { recursive: true });
  using file = Deno.openSync(path, { read: true, write: true, create: true });
  await acquire(file, path, options.timeoutMs, options.what ?? "the state repository");
  try {
    file.truncateSync(0);
    file.seekSync(0, Deno.SeekMode.Start);
    file.writeSync(new TextEncoder().encode(options.holder));
    return await work();
  } finally {
    file.unlockSync();
  }
}

async function acquire(
  file: Deno.FsFile,
  path: string,
  timeoutMs: number,
  what: string,
): Promise<void> {
  const step = 10;
  for (let waited = 0; !file.tryLockSync(true); waited += step) {
    if (waited >= timeoutMs) {
      const holder = Deno.readTextFileSync(path);
      throw new UserError(
        `Cannot lock ${what}: held by ${holder || "another process"}`,
        {
          code: "locked",
          kind: "execution",
          hint: "wait for the other command to finish, then try again",
        },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, step));
  }
}
