/** Which findings a file's comments put aside. */
export interface Suppressions {
  /** True where a comment says so for a rule at a line (1-based). */
  covers(rule: string, line: number): boolean;
}

const COMMENT = /(?:--|#|\/\/|\/\*)\s*seeknal:\s*ignore(-file)?(?![\w-])[ \t:]*([\w, -]*)/;

/**
 * Reads `-- seeknal: ignore RULE, RULE` (also behind `#` and `//`): for its own line, or, where nothing
 * else is on it, for the next line that is no comment. `ignore-file` is for all of the file; without
 * rules it is for every rule.
 */
export function readSuppressions(text: string): Suppressions {
  const whole = new Set<string>();
  const byLine = new Map<number, Set<string>>();
  let pending: string[] = [];
  text.split("\n").forEach((line, i) => {
    const match = COMMENT.exec(line);
    const rules = match === null ? [] : rulesOf(match[2]!);
    const before = match === null ? line : line.slice(0, match.index);
    if (match?.[1] !== undefined) rules.forEach((rule) => whole.add(rule));
    else if (match !== null && before.trim() === "") pending.push(...rules);
    const isComment = /^\s*(--|#|\/\/|$)/.test(line);
    if (isComment) return;
    const own = match !== null && match[1] === undefined ? rules : [];
    if (pending.length + own.length > 0) byLine.set(i + 1, new Set([...pending, ...own]));
    pending = [];
  });
  const has = (set: ReadonlySet<string> | undefined, rule: string) =>
    set !== undefined && (set.has(rule) || set.has("*"));
  return { covers: (rule, line) => has(whole, rule) || has(byLine.get(line), rule) };
}

/** Names up to where an explanation begins: `no-select-star -- everything is wanted`. */
function rulesOf(text: string): string[] {
  const names = text.split(/\s--|\s-\s/)[0]!.split(/[\s,]+/).filter(Boolean);
  return names.length === 0 ? ["*"] : names;
}
