import { type Token, tokenize } from "../tokens.ts";

/** A part of SQL text that is laid out as a whole, or piece by piece. */
export type Piece = Atom | Group | Comment;

interface PieceBase {
  /** True where nothing stands between it and the piece before. */
  readonly glued: boolean;
  /** Line breaks before it. */
  readonly newlines: number;
}

/** A word, a literal, or signs that belong together. */
export interface Atom extends PieceBase {
  readonly type: "atom";
  readonly text: string;
  /** The word in capitals where it is one, else empty. */
  readonly word: string;
}

/** What is between brackets, or between CASE and END. */
export interface Group extends PieceBase {
  readonly type: "group";
  readonly open: string;
  readonly close: string;
  readonly inner: readonly Piece[];
  /** True where it holds a query. */
  readonly isQuery: boolean;
}

/** A comment behind which a line has to end. */
export interface Comment extends PieceBase {
  readonly type: "comment";
  readonly text: string;
}

const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** Words of SQL: written in capitals where they are no names. */
const KEYWORDS = new Set(
  ("SELECT FROM WHERE GROUP HAVING ORDER LIMIT OFFSET QUALIFY WINDOW UNION INTERSECT EXCEPT ALL DISTINCT WITH RECURSIVE " +
    "AS JOIN LEFT RIGHT FULL INNER OUTER CROSS NATURAL ASOF SEMI ANTI POSITIONAL LATERAL ON USING AND OR NOT IN IS NULL LIKE ILIKE " +
    "BETWEEN EXISTS CASE WHEN THEN ELSE END DESC ASC TRUE FALSE BY OVER PARTITION NULLS FIRST LAST INTERVAL VALUES CAST " +
    "MATERIALIZED FILTER ROWS RANGE GROUPS UNBOUNDED PRECEDING FOLLOWING CURRENT ROW").split(" "),
);

/** Words that are names too, with the words or signs between which they are none. */
const CONTEXTS: Readonly<Record<string, { readonly before?: RegExp; readonly after?: RegExp }>> = {
  BY: { before: /^(GROUP|ORDER|PARTITION|UNION|INTERSECT|EXCEPT|ALL)$/ },
  PARTITION: { after: /^BY$/ },
  OVER: { before: /^\)$/ },
  NULLS: { after: /^(FIRST|LAST)$/ },
  FIRST: { before: /^NULLS$/ },
  LAST: { before: /^NULLS$/ },
  RECURSIVE: { before: /^WITH$/ },
  MATERIALIZED: { before: /^(AS|NOT)$/, after: /^\($/ },
  INTERVAL: { after: /^['\d(]/ },
  VALUES: { after: /^\($/ },
  EXISTS: { after: /^\($/ },
  CAST: { after: /^\($/ },
  FILTER: { before: /^\)$/, after: /^\($/ },
  ROWS: { after: /^(BETWEEN|UNBOUNDED|CURRENT|\d.*)$/ },
  RANGE: { after: /^(BETWEEN|UNBOUNDED|CURRENT|INTERVAL)$/ },
  GROUPS: { after: /^(BETWEEN|UNBOUNDED|CURRENT|\d.*)$/ },
  UNBOUNDED: { after: /^(PRECEDING|FOLLOWING)$/ },
  PRECEDING: { before: /^(UNBOUNDED|[\d'].*|DAYS?|HOURS?)$/ },
  FOLLOWING: { before: /^(UNBOUNDED|[\d'].*|DAYS?|HOURS?)$/ },
  CURRENT: { after: /^ROW$/ },
  ROW: { before: /^CURRENT$/ },
  POSITIONAL: { after: /^JOIN$/ },
  LEFT: { after: /^[^(]/ },
  RIGHT: { after: /^[^(]/ },
};

/** True for words of SQL that a bracket behind does not make a call. */
export function isKeyword(word: string): boolean {
  return KEYWORDS.has(word);
}

/** Cuts SQL into pieces; null where brackets do not match or several statements follow each other. */
export function toPieces(sql: string): Piece[] | null {
  const reader = new PieceReader(tokenize(sql));
  const pieces = reader.read(null);
  return reader.failed ? null : pieces;
}

class PieceReader {
  failed = false;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** Pieces up to a bracket or to END; up to the end of the text for null. */
  read(close: string | null): Piece[] {
    const pieces: Piece[] = [];
    let space = "";
    for (; this.#at < this.#tokens.length; this.#at++) {
      const token = this.#tokens[this.#at]!;
      if (token.kind === "space") {
        space += token.text;
        continue;
      }
      const place = {
        glued: space === "" && pieces.length > 0,
        newlines: space.split("\n").length - 1,
      };
      const word = token.kind === "word" ? token.text.toUpperCase() : "";
      if (close !== null && (token.text === close || (close === "END" && word === "END"))) {
        return pieces;
      }
      space = "";
      const isMember = pieces.at(-1)?.type === "atom" && /\.$/.test(textOf(pieces.at(-1)));
      if (CLOSING[token.text] !== undefined && token.kind === "other") {
        pieces.push(this.#group(token.text, CLOSING[token.text]!, place));
      } else if (word === "CASE" && !isMember) pieces.push(this.#group("CASE", "END", place));
      else if (token.kind === "other" && /[)\]}]/.test(token.text)) {
        this.failed = true;
        return pieces;
      } else if (token.kind === "comment" && !isInline(token.text)) {
        pieces.push({ type: "comment", text: token.text.trimEnd(), ...place });
      } else pieces.push({ type: "atom", ...place, ...this.#atom(token, word) });
    }
    if (close !== null) this.failed = true;
    return pieces;
  }

  /** True where a word that may be a name is none. */
  #isInContext(word: string): boolean {
    const context = CONTEXTS[word];
    if (context === undefined) return true;
    const solid = ({ kind }: Token) => kind !== "space" && kind !== "comment";
    const before = this.#tokens.slice(0, this.#at).findLast(solid)?.text.toUpperCase() ?? "";
    const after = this.#tokens.slice(this.#at + 1).find(solid)?.text.toUpperCase() ?? "";
    return (context.before?.test(before) ?? true) && (context.after?.test(after) ?? true);
  }

  #group(open: string, close: string, place: PieceBase): Group {
    this.#at++;
    const inner = this.read(close);
    const first = inner.find(({ type }) => type !== "comment");
    const word = first?.type === "atom" ? first.word : "";
    const isQuery = open === "(" && /^(SELECT|WITH|FROM|VALUES)$/.test(word);
    return { type: "group", ...place, open, close, inner, isQuery };
  }

  /** A token, with the signs that follow it without a blank where it is a sign itself. */
  #atom(token: Token, word: string): { text: string; word: string } {
    if (token.kind === "word") {
      const before = this.#tokens[this.#at - 1]?.text;
      const after = this.#tokens[this.#at + 1]?.text;
      const isName = before === "." || after === "." || !this.#isInContext(word);
      return { text: isKeyword(word) && !isName ? word : token.text, word: isName ? "" : word };
    }
    if (token.kind !== "other" || /[,;\d]/.test(token.text)) return { text: token.text, word: "" };
    let text = token.text;
    for (;;) {
      const next = this.#tokens[this.#at + 1];
      if (next?.kind !== "other" || /[,;\d()[\]{}]/.test(next.text)) return { text, word: "" };
      text += next.text;
      this.#at++;
    }
  }
}

/** A comment that may stand between others on a line. */
function isInline(comment: string): boolean {
  return comment.startsWith("/*") && !comment.includes("\n");
}

function textOf(piece: Piece | undefined): string {
  return piece?.type === "atom" ? piece.text : "";
}
