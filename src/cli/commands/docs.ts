import type { GuideSection } from "../../app/guides.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { flag, printJson, text, wholeNumber } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { alignColumns } from "../views/format.ts";
import { markdownView } from "../views/markdown_view.ts";

/** Lines of a section that a search shows. */
const LINES_SHOWN = 3;

/** `docs [TOPIC]` */
export const DOCS: Command = {
  name: "docs",
  summary: "Read the guides in the terminal",
  arguments: [{ name: "[TOPIC]", doc: "a guide, or a heading of one (default: list the guides)" }],
  options: [
    { flags: "--search <WORDS>", doc: "sections that have all of these words" },
    { flags: "-n, --max-results <N>", doc: "with --search: sections at most" },
    { flags: "-l, --list", doc: "list the guides, as without TOPIC" },
  ],
  examples: ["seeknal docs guide", "seeknal docs rollback", 'seeknal docs --search "stale plan"'],
  run: async (context) => {
    const { findTopic, GUIDES, searchGuides } = await import("../../app/guides.ts");
    const words = text(context, "search");
    const most = wholeNumber(context, "maxResults", 1);
    const typed = flag(context, "list") ? undefined : context.args[0];
    if (words !== null) showFound(context, searchGuides(words).slice(0, most ?? undefined), words);
    else if (typed !== undefined) showTopic(context, findTopic(typed));
    else {
      const topics = GUIDES.map(({ name, title }) => ({ name, title }));
      if (flag(context, "json")) printJson(context, { format_version: 1, topics });
      else {
        const style = styleFor(context.terminal.colorOut);
        const rows = topics.map(({ name, title }) => [style.bold(name), title]);
        context.terminal.out(`${alignColumns(rows).join("\n")}\n`);
        context.terminal.err(
          `\nread one:  seeknal docs guide\na heading: seeknal docs rollback\nsearch:    seeknal docs --search "stale plan"\n`,
        );
      }
    }
    return EXIT_DONE;
  },
};

function showTopic(context: CommandContext, section: GuideSection): void {
  if (flag(context, "json")) {
    const { guide, heading, text } = section;
    printJson(context, { format_version: 1, guide, heading, text });
    return;
  }
  const { colorOut, outWidth, width } = context.terminal;
  const style = styleFor(colorOut);
  context.terminal.out(markdownView(section.text, { style, width: outWidth ?? width }));
}

function showFound(
  context: CommandContext,
  found: readonly GuideSection[],
  typed: string,
): void {
  if (flag(context, "json")) {
    const sections = found.map(({ guide, heading, text }) => ({ guide, heading, text }));
    printJson(context, { format_version: 1, sections });
    return;
  }
  const style = styleFor(context.terminal.colorOut);
  const words = typed.toLowerCase().split(/\s+/).filter((word) => word !== "");
  for (const { guide, heading, text } of found) {
    context.terminal.out(`${style.bold(`${guide}#${heading.replaceAll("`", "")}`)}\n`);
    const lines = text.split("\n").slice(1).filter((line) =>
      words.some((word) => line.toLowerCase().includes(word))
    );
    for (const line of lines.slice(0, LINES_SHOWN)) {
      context.terminal.out(`  ${style.dim(line.trim().replace(/[`*]/g, "").slice(0, 96))}\n`);
    }
  }
  const first = found[0]!;
  const topic = JSON.stringify(`${first.guide}#${first.heading.replaceAll("`", "")}`);
  context.terminal.err(
    `${styleFor(context.terminal.colorErr).cyan("next:")} seeknal docs ${topic}\n`,
  );
}
