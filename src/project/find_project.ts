import { dirname, isAbsolute, join } from "node:path";
import { statIfExists } from "../base/atomic_write.ts";
import { isLink } from "../base/project_path.ts";
import { UserError } from "../base/user_error.ts";

/** The file whose presence makes a folder a project. */
export const PROJECT_FILE = "seeknal_project.yml";

/** Folder of the project's own templates for drafts. */
export const TEMPLATES_DIR = "seeknal/templates";

/**
 * The absolute folder of the project: `explicit` when given, else the nearest
 * folder upward from `cwd` that holds `seeknal_project.yml`.
 * Throws a `UserError` `project_not_found` (exit 2).
 */
export function findProject(cwd: string, explicit: string | null): string {
  if (explicit !== null) {
    const root = isAbsolute(explicit) ? explicit : join(cwd, explicit);
    if (isProject(root)) return checkedRoot(root);
    throw notFound(`No ${PROJECT_FILE} in "${root}"`);
  }
  for (let folder = cwd;; folder = dirname(folder)) {
    if (isProject(folder)) return checkedRoot(folder);
    if (dirname(folder) === folder) break;
  }
  throw notFound(`No ${PROJECT_FILE} in "${cwd}" or a folder above it`);
}

/** Folders of a project that must be its own: what they hold is read and written. */
const OWN_FOLDERS = [
  "seeknal",
  "target",
  "target/state.git",
  "target/cache",
  "target/logs",
  "target/environments",
];

function checkedRoot(folder: string): string {
  const root = Deno.realPathSync(folder);
  if (/[*?[\]]/.test(root)) {
    throw new UserError(`Cannot work in "${root}": DuckDB takes * ? [ ] in a path for a pattern`, {
      code: "invalid_project_path",
      kind: "usage",
      hint: "rename the folder",
    });
  }
  for (const name of OWN_FOLDERS) {
    if (!isLink(join(root, name))) continue;
    throw new UserError(
      `Cannot open the project: "${name}" is a symbolic link, and what it leads to is not in it`,
      {
        code: "symbolic_link",
        kind: "security",
        hint: `make it a folder, or move the whole project to where the link leads`,
      },
    );
  }
  return root;
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
