import { join } from "node:path";
import { parseEnv } from "node:util";
import { readTextIfExists, statIfExists } from "../base/atomic_write.ts";
import { FileVersions } from "../cache/file_versions.ts";
import { OutputCache } from "../cache/output_cache.ts";
import type { Host } from "../model/host.ts";
import { findProject } from "../project/find_project.ts";
import { NO_TYPED_VARIABLES, type TypedVariables } from "../model/variables.ts";
import { StateRepo } from "../state/state_repo.ts";

/** A project on disk with everything Seeknal keeps for it. Opening it writes nothing. */
export interface Workspace {
  readonly host: Host;
  /** Absolute project folder. */
  readonly root: string;
  /** Absolute `target` folder. */
  readonly targetDir: string;
  readonly state: StateRepo;
  readonly cache: OutputCache;
  readonly versions: FileVersions;
  /** True where nothing may be written, not even what only saves time. */
  readonly readOnly: boolean;
  /** `--profile` as typed; null: each environment has its own. */
  readonly profile: string | null;
  /** What the command line says about `{{ name }}`. */
  readonly typed: TypedVariables;
  /** Tells the user of something that happened besides what they asked for. */
  readonly notice: (text: string) => void;
}

/** How a project is opened. */
export interface OpenOptions {
  /** Folder of the project; null for the nearest one upward. */
  readonly projectPath: string | null;
  /** Write nothing, not even what only saves time. */
  readonly readOnly: boolean;
  /** `--profile` as typed. */
  readonly profile?: string | null;
  readonly typed?: TypedVariables;
  readonly notice?: (text: string) => void;
}

/**
 * Finds the project and opens it. Variables of its `.env` hold from then on, unless they are set otherwise.
 * Throws `project_not_found`.
 */
export function openWorkspace(
  host: Host,
  { projectPath, readOnly, profile = null, typed = NO_TYPED_VARIABLES, notice = () => {} }:
    OpenOptions,
): Workspace {
  const root = findProject(host.cwd, projectPath);
  host.addVariables(readVariables(join(root, ".env")));
  const targetDir = join(root, "target");
  return {
    host,
    root,
    targetDir,
    state: new StateRepo(targetDir, host, { readOnly }),
    cache: new OutputCache(targetDir),
    versions: new FileVersions(root, targetDir, { now: () => host.now(), readOnly }),
    readOnly,
    profile,
    typed,
    notice,
  };
}

/** Variables of a dotenv file; none where there is no such file, or a folder of that name. */
function readVariables(path: string): Readonly<Record<string, string>> {
  if (statIfExists(path)?.isFile !== true) return {};
  const pairs = Object.entries(parseEnv(readTextIfExists(path) ?? "")).flatMap(([name, value]) =>
    value === undefined || !NAME_REGEXP.test(name) ? [] : [[name, value] as const]
  );
  return Object.fromEntries(pairs);
}

const NAME_REGEXP = /^[A-Za-z_]\w*$/;
