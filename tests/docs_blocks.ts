/** A fenced block of a Markdown document. */
export interface DocBlock {
  /** 1-based line of its first line of text. */
  readonly line: number;
  readonly language: string;
  /** `key=value` words behind the language. */
  readonly info: ReadonlyMap<string, string>;
  readonly lines: readonly string[];
}

/** A command of an `sh` block with what the document says it prints. */
export interface DocCommand {
  readonly line: number;
  readonly command: string;
  readonly output: readonly string[];
}

/** All fenced blocks of a document. */
export function fencedBlocks(markdown: string): DocBlock[] {
  const blocks: DocBlock[] = [];
  const lines = markdown.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const [, language, words] = /^```(\S+)(.*)$/.exec(lines[i]!) ?? [];
    if (language === undefined) continue;
    const end = lines.indexOf("```", i + 1);
    if (end < 0) throw new Error(`The block of line ${i + 1} does not end`);
    const pairs = words!.trim().split(/\s+/).filter((word) => word !== "");
    const info = new Map(pairs.map((pair) => pair.split("=", 2) as [string, string]));
    blocks.push({ line: i + 2, language, info, lines: lines.slice(i + 1, end) });
    i = end;
  }
  return blocks;
}

/** The commands of a block: lines that begin with `$ `, each with the lines up to the next one. */
export function commandsOf({ line, lines }: DocBlock): DocCommand[] {
  const starts = lines.flatMap((text, i) => text.startsWith("$ ") ? [i] : []);
  return starts.map((start, n) => ({
    line: line + start,
    command: lines[start]!.slice(2),
    output: lines.slice(start + 1, starts[n + 1] ?? lines.length),
  }));
}

/** What a diff of a document does to a file; the lines it takes away or leaves must be there once. */
export function patch(text: string, diff: readonly string[]): string {
  const side = (sign: string) =>
    diff.filter((line) => line.startsWith(" ") || line.startsWith(sign))
      .map((line) => `${line.slice(1)}\n`).join("");
  const parts = text.split(side("-"));
  if (parts.length !== 2) throw new Error(`Found ${parts.length - 1} times:\n${side("-")}`);
  return parts.join(side("+"));
}

/**
 * Lines of the document that the output does not have. The order within one output, commit
 * ids, times, sizes and the width of columns may differ; `...` stands for anything.
 */
export function missingLines(documented: readonly string[], output: string): string[] {
  const found = new Set(output.split("\n").map(withoutVolatile));
  return documented.filter((line) =>
    !["", "..."].includes(line.trim()) && !found.has(withoutVolatile(line))
  );
}

const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{40}\b/g, "COMMIT"],
  [/\b[0-9a-f]{7}\b/g, "COMMIT"],
  [/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, "TIME"],
  [/\b\d+[smhd] ago\b/g, "AGO"],
  [/\bin \d+[dhm]\b/g, "LATER"],
  [/\b\d+(\.\d+)? (B|KB|MB)\b/g, "SIZE"],
  [/\b\d+\.\d\ds\b/g, "DURATION"],
  [/\d+ at a time/g, "AT A TIME"],
  [/target\/logs\/\S+/g, "LOG"],
  [/-{2,}/g, "RULE"],
  [/\s+/g, " "],
];

function withoutVolatile(line: string): string {
  return VOLATILE.reduce((text, [pattern, word]) => text.replace(pattern, word), line).trim();
}
