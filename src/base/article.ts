/** A word with its indefinite article, in small letters: `a source`, `an exposure`. */
export function withArticle(word: string): string {
  return `${/^[aeiou]/i.test(word) ? "an" : "a"} ${word}`;
}
