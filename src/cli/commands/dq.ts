import { extname, join } from "node:path";
import { writeFileAtomic } from "../../base/atomic_write.ts";
import { projectRelative } from "../../base/project_path.ts";
import { UserError } from "../../base/user_error.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { openInBrowser } from "../open_in_browser.ts";
import { envOption, filePath, flag, text, texts } from "../options.ts";
import { styleFor } from "../terminal.ts";

const FORMATS = ["table", "html", "json"];

/** `dq` */
export const DQ: Command = {
  name: "dq",
  summary: "What checks found over time, in the terminal or as a page",
  arguments: [],
  options: [
    { flags: "-e, --env <ENV>", doc: "environment (default: prod)", completes: "environment" },
    { flags: "-n, --node <NODE>", doc: "only this node", repeats: true, completes: "node" },
    { flags: "--format <FORMAT>", doc: "table, html or json", completes: FORMATS },
    {
      flags: "-o, --output <FILE>",
      doc: "write to a file; its ending chooses the format (html: target/dq.html)",
    },
    { flags: "--no-open", doc: "do not open the page in a browser" },
  ],
  examples: ["seeknal dq --env dev", "seeknal dq --format html"],
  run: async (context) => {
    const { host, terminal } = context;
    const format = formatOf(context);
    const request = { env: envOption(context), nodes: texts(context, "node") };
    const workspace = await context.workspace("read");
    const { dataQuality } = await import("../../app/data_quality.ts");
    const quality = await dataQuality(workspace, request);
    const file = filePath(context, "output") ??
      (format === "html" ? join(workspace.targetDir, "dq.html") : null);
    const now = host.now();
    const render = async () => {
      if (format === "json") {
        return `${JSON.stringify({ format_version: 1, ...quality }, null, 2)}\n`;
      }
      if (format === "table") {
        const { qualityView } = await import("../views/quality_view.ts");
        return qualityView(quality, { style: styleFor(file === null && terminal.colorOut), now });
      }
      const { qualityHtml } = await import("../views/quality_html.ts");
      return qualityHtml(quality, { now });
    };
    const shown = await render();
    if (file === null) {
      terminal.out(shown);
      return EXIT_DONE;
    }
    writeFileAtomic(file, shown);
    const name = projectRelative(workspace.root, file);
    if (flag(context, "json")) {
      terminal.out(`${JSON.stringify({ format_version: 1, file: name }, null, 2)}\n`);
    } else terminal.out(`Wrote ${name}${format === "html" ? ": open it in a browser" : ""}\n`);
    const wantsPage = format === "html" && context.options["open"] !== false;
    if (wantsPage && terminal.canAsk && !flag(context, "json")) openInBrowser(file);
    return EXIT_DONE;
  },
};

function formatOf(context: CommandContext): string {
  const ending = extname(text(context, "output") ?? "").slice(1);
  const format = text(context, "format") ??
    (ending === "html" || ending === "json" ? ending : flag(context, "json") ? "json" : "table");
  if (FORMATS.includes(format)) return format;
  throw new UserError(`Unknown format "${format}"`, {
    code: "invalid_option",
    kind: "usage",
    hint: `write --format ${FORMATS.join(", ")}`,
  });
}
