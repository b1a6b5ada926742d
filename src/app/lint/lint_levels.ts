import type { LintLevel } from "../../model/config.ts";
import { projectConfig } from "../../project/load_project.ts";

/** How strict a project is about the rules it names, whether or not the rest of it loads. */
export function lintLevels(root: string): Readonly<Record<string, LintLevel>> {
  return projectConfig(root).lint;
}
