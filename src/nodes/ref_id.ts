/** The id that somebody wrote: `ref('kind.name')`, or the id itself. */
export function refId(text: string): string {
  return /^\s*ref\(\s*(['"])(.*)\1\s*\)\s*$/.exec(text)?.[2] ?? text.trim();
}
