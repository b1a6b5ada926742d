import { projectRelative } from "../../base/project_path.ts";
import { ENGINE_VERSION } from "../../engine/registry.ts";
import { PROD } from "../../model/ids.ts";
import { VERSION } from "../../model/version.ts";
import type { Command } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { flag, printJson } from "../options.ts";
import { alignColumns, formatBytes } from "../views/format.ts";

/** `info` */
export const INFO: Command = {
  name: "info",
  summary: "Versions, places and sizes",
  arguments: [],
  options: [],
  run: async (context) => {
    const { host } = context;
    const workspace = await context.workspace("read");
    const { state, cache, root } = workspace;
    const facts = {
      seeknal: VERSION,
      engine: ENGINE_VERSION,
      deno: Deno.version.deno,
      platform: `${Deno.build.os} ${Deno.build.arch}`,
      cores: host.cpuCount,
      memory_bytes: host.memoryBytes,
      project: root,
      state: projectRelative(root, state.gitDir),
      production: state.head(PROD),
      environments: state.environments(),
      outputs: cache.objects().length,
      telemetry: "none",
    };
    if (flag(context, "json")) printJson(context, { format_version: 1, ...facts });
    else {
      const shown = {
        ...facts,
        memory_bytes: formatBytes(facts.memory_bytes),
        production: facts.production?.slice(0, 7) ?? "none yet",
        environments: facts.environments.join(", ") || "none yet",
      };
      const rows = Object.entries(shown).map((
        [key, value],
      ) => [key.replace("_bytes", ""), String(value)]);
      context.terminal.out(`${alignColumns(rows).join("\n")}\n`);
    }
    return EXIT_DONE;
  },
};
