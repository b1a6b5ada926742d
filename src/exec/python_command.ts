import { delimiter, join } from "node:path";
import { statIfExists } from "../base/atomic_write.ts";
import { UserError } from "../base/user_error.ts";

/** How Python is started. */
export interface PythonCommand {
  /** True where `uv` starts it, which installs what the script's header asks for. */
  readonly isUv: boolean;
  readonly path: string;
  /** What comes before the path of the program. */
  readonly args: readonly string[];
}

/** The command that installs uv, as its documentation has it. */
export const INSTALL_UV = Deno.build.os === "windows"
  ? 'powershell -ExecutionPolicy ByPass -c "irm https://astral.sh/uv/install.ps1 | iex"'
  : "curl -LsSf https://astral.sh/uv/install.sh | sh";

/**
 * Finds `uv` (the variable `UV`, or on the PATH), else `python3`. Throws `script_dependency` (5) where
 * there is neither.
 */
export function findPython(env: (name: string) => string | undefined): PythonCommand {
  const uv = env("UV") || onPath("uv", env);
  if (uv) return { isUv: true, path: uv, args: ["run", "--quiet", "--no-project", "--script"] };
  for (const name of ["python3", "python"]) {
    const path = onPath(name, env);
    if (path !== null) return { isUv: false, path, args: [] };
  }
  throw new UserError("Python nodes need uv or python3, and neither is on the PATH", {
    code: "script_dependency",
    kind: "dependency",
    hint: `install uv:\n    ${INSTALL_UV}`,
  });
}

function onPath(name: string, env: (name: string) => string | undefined): string | null {
  const ends = Deno.build.os === "windows" ? [".exe", ".bat", ".cmd"] : [""];
  for (const folder of (env("PATH") ?? "").split(delimiter).filter((part) => part !== "")) {
    for (const end of ends) {
      const path = join(folder, name + end);
      const info = statIfExists(path);
      if (info?.isFile && (info.mode === null || (info.mode & 0o111) !== 0)) return path;
    }
  }
  return null;
}

/**
 * Variables that a Python node finds: what programs need to start, find their caches and reach package
 * indexes, and nothing else. Profiles take their secrets from other variables, which stay here.
 */
const PASSED =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TEMP|TMP|XDG_\w+|UV_\w+|SSL_CERT_\w+|(HTTPS?|NO|ALL)_PROXY|SYSTEMROOT|SYSTEMDRIVE|APPDATA|LOCALAPPDATA|USERPROFILE|PATHEXT|COMSPEC|PROGRAMDATA|LD_LIBRARY_PATH|DYLD_\w+|OMP_NUM_THREADS|CUDA_\w+)$/i;

/** The environment of a Python node. */
export function pythonEnvironment(
  all: Readonly<Record<string, string>>,
  node: string,
): Record<string, string> {
  return {
    ...Object.fromEntries(Object.entries(all).filter(([name]) => PASSED.test(name))),
    SEEKNAL_NODE: node,
    PYTHONIOENCODING: "utf-8",
    PYTHONDONTWRITEBYTECODE: "1",
    PYTHONUNBUFFERED: "1",
    // Sets come in the same order in every run.
    PYTHONHASHSEED: "0",
  };
}
