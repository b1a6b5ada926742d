/** Name of the point at which this process is to kill itself; for tests of what a crash leaves behind. */
const armed = Deno.env.get("SEEKNAL_FAULT_POINT");
let left = Number(Deno.env.get("SEEKNAL_FAULT_SKIP") ?? 0);

/**
 * A place between two steps where a crash must be survivable. Tests set `SEEKNAL_FAULT_POINT` to its
 * name, and the process is killed there (SIGKILL: nothing is cleaned up) when it comes by for the
 * first time, or after `SEEKNAL_FAULT_SKIP` times.
 */
export function faultPoint(name: string): void {
  if (armed !== name || left-- > 0) return;
  Deno.kill(Deno.pid, "SIGKILL");
  // The signal is delivered at once; nothing behind it may run.
  for (;;);
}
