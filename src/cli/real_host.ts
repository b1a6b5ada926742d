import type { Host } from "../model/host.ts";

/** The machine this process runs on. */
export function realHost(programDir: string | undefined): Host {
  const env = (name: string) => Deno.env.get(name);
  const name = env("SEEKNAL_USER") ?? env("GIT_AUTHOR_NAME") ?? env("USER") ?? env("USERNAME") ??
    "unknown";
  let signal: AbortSignal | null = null;
  const clean = (text: string) => text.replace(/[<>\n\r]/g, "").trim() || "unknown";
  return {
    now: () => new Date(),
    env,
    addVariables: (variables) => {
      for (const [name, value] of Object.entries(variables)) {
        if (env(name) === undefined) Deno.env.set(name, value);
      }
    },
    user: {
      name: clean(name),
      email: clean(env("GIT_AUTHOR_EMAIL") ?? `${name.replace(/\s+/g, ".")}@localhost`),
    },
    // `deno task` goes to the program's folder first; INIT_CWD is where the user typed.
    cwd: Deno.cwd() === programDir ? env("INIT_CWD") ?? programDir : Deno.cwd(),
    programDir: Deno.build.standalone ? null : programDir ?? null,
    get signal() {
      return signal ??= stopSignal();
    },
    cpuCount: navigator.hardwareConcurrency,
    memoryBytes: Deno.systemMemoryInfo().total,
  };
}

/**
 * Aborts on Ctrl-C and SIGTERM; a second one ends the process at once. Made when
 * somebody asks for it: until then, at a question for example, the system's own
 * way to end a process is the right one.
 */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) Deno.exit(130);
    controller.abort();
  };
  Deno.addSignalListener("SIGINT", stop);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
  return controller.signal;
}
