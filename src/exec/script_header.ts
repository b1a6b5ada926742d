/** What the header of a Python script says about the packages it needs. */
export interface ScriptHeader {
  /** The comment block as it stands in the code; empty where there is none. */
  readonly text: string;
  /** Requirements such as `pandas>=2`. */
  readonly dependencies: readonly string[];
  /** Python versions it runs with, such as `>=3.11`; null where it does not say. */
  readonly requiresPython: string | null;
}

/**
 * Reads the block `# /// script` … `# ///` of a Python script (PEP 723; the expression is that of its
 * reference implementation, in our own words). Of its TOML the two fields that matter here are taken.
 */
export function readScriptHeader(code: string): ScriptHeader {
  const lines = code.split(/\r?\n/);
  const first = lines.findIndex((line) => /^# \/\/\/ script\s*$/.test(line));
  const none = { text: "", dependencies: [], requiresPython: null };
  if (first < 0) return none;
  const isComment = (line: string) => line === "#" || line.startsWith("# ");
  let end = first + 1;
  while (end < lines.length && isComment(lines[end]!)) end++;
  let last = end - 1;
  while (last > first && lines[last]!.trimEnd() !== "# ///") last--;
  if (last <= first) return none;
  const block = lines.slice(first, last + 1);
  const toml = block.slice(1, -1).map((line) => line.slice(2)).join("\n");
  const list = /^dependencies\s*=\s*\[((?:[\s,]|#.*|"[^"]*"|'[^']*')*)\]/m.exec(toml)?.[1] ?? "";
  return {
    text: block.join("\n"),
    dependencies: [...list.replace(/^\s*#.*$/gm, "").matchAll(/"([^"]*)"|'([^']*)'/g)]
      .map((match) => match[1] ?? match[2]!),
    requiresPython: /^requires-python\s*=\s*["']([^"']*)["']/m.exec(toml)?.[1] ?? null,
  };
}
