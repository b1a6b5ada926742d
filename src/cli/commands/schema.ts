import { isAbsolute, join } from "node:path";
import type { Command } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { flag, printJson } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { alignColumns, plural } from "../views/format.ts";

/** `schema [KIND]` */
export const SCHEMA: Command = {
  name: "schema",
  summary: "Print JSON Schemas of the project's files, for editors and checks",
  arguments: [{ name: "[KIND]", doc: "a kind of node, node, project, profiles, … (default: all)" }],
  options: [
    { flags: "--write [DIR]", doc: "write them to a folder (default: target/schemas)" },
    { flags: "--list", doc: "print their names only" },
  ],
  examples: ["seeknal schema transform", "seeknal schema --write"],
  run: async (context) => {
    const { findSchemas, SCHEMAS_DIR, writeSchemas } = await import("../../app/project_schemas.ts");
    const typed = context.args[0] ?? null;
    const schemas = findSchemas(typed);
    const target = context.options["write"];
    if (target !== undefined) {
      const folder = typeof target !== "string"
        ? join((await context.workspace("read")).root, SCHEMAS_DIR)
        : isAbsolute(target)
        ? target
        : join(context.host.cwd, target);
      const written = writeSchemas(folder, schemas);
      if (flag(context, "json")) printJson(context, { format_version: 1, folder, written });
      else {
        const count = plural(schemas.length, "schema");
        context.terminal.out(
          written.length === 0
            ? `${count} in ${folder} are current\n`
            : `Wrote ${written.length} of ${count} to ${folder}\n`,
        );
      }
      return EXIT_DONE;
    }
    if (flag(context, "list")) {
      if (flag(context, "json")) {
        const list = schemas.map(({ name, files }) => ({ name, files }));
        printJson(context, { format_version: 1, schemas: list });
      } else {
        const style = styleFor(context.terminal.colorOut);
        const rows = schemas.map(({ name, files }) => [name, style.dim(files)]);
        context.terminal.out(`${alignColumns(rows).join("\n")}\n`);
      }
      return EXIT_DONE;
    }
    // One schema is printed as such: it is what other programs take.
    printJson(
      context,
      typed === null
        ? {
          format_version: 1,
          schemas: Object.fromEntries(schemas.map(({ name, schema }) => [name, schema])),
        }
        : schemas[0]!.schema,
    );
    return EXIT_DONE;
  },
};
