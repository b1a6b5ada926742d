import { dirname, isAbsolute, join } from "node:path";
import { statIfExists } from "../base/atomic_write.ts";
import { UserError } from "../base/user_error.ts";

/** The file whose presence makes a folder a project. */
export const PROJECT_FILE = "seeknal_project.yml";

/**
 * The absolute folder of the project: `explicit` when given, else the nearest
 * folder upward from `cwd` that holds `seeknal_project.yml`.
 * Throws a `UserError` `project_not_found` (exit 2).
 */
export function findProject(cwd: string, explicit: string | null): string {
  if (explicit !== null) {
    const root = isAbsolute(explicit) ? explicit : join(cwd, explicit);
    if (isProject(root)) return Deno.realPathSync(root);
    throw notFound(`No ${PROJECT_FILE} in "${root}"`);
  }
  for (let folder = cwd;; folder = dirname(folder)) {
    if (isProject(folder)) return Deno.realPathSync(folder);
    if (dirname(folder) === folder) break;
  }
  throw notFound(`No ${PROJECT_FILE} in "${cwd}" or a folder above it`);
}

function isProject(folder: string): boolean {
  return statIfExists(join(folder, PROJECT_FILE))?.isFile === true;
}

function notFound(message: string): UserError {
  return new UserError(message, {
    code: "project_not_found",
    kind: "usage",
    hint: "name it with --project-path DIR, or start one:\n    seeknal init",
  });
}
