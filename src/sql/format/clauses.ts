import type { Comment, Piece } from "./pieces.ts";

/** A part of a query that begins a line: SELECT …, a JOIN, UNION ALL. */
export interface Clause {
  /** Comments on lines of their own above it. */
  readonly above: readonly Comment[];
  /** `SELECT`, `GROUP BY`, `LEFT JOIN`; empty for what begins with none of them. */
  readonly head: string;
  readonly body: readonly Piece[];
  /** Line breaks before it. */
  readonly newlines: number;
}

const SINGLE = new Set(
  "SELECT FROM WHERE HAVING WINDOW QUALIFY LIMIT OFFSET VALUES WITH JOIN".split(" "),
);
const WITH_BY = new Set(["GROUP", "ORDER"]);
const SET_WORDS = new Set(["UNION", "INTERSECT", "EXCEPT"]);
const JOIN_WORDS = new Set(
  "LEFT RIGHT FULL INNER OUTER CROSS NATURAL ASOF SEMI ANTI POSITIONAL".split(" "),
);

/** Cuts a query at the words that begin its clauses. */
export function toClauses(pieces: readonly Piece[]): Clause[] {
  const clauses: Clause[] = [];
  let body: Piece[] = [];
  let head = "";
  let above: Comment[] = [];
  let newlines = 0;
  const finish = (): Comment[] => {
    const comments: Comment[] = [];
    // Comments on lines of their own at the end belong to what follows.
    while (body.length > 0) {
      const last = body.at(-1)!;
      if (last.type !== "comment" || (last.newlines === 0 && clauses.length + body.length > 1)) {
        break;
      }
      if (last.newlines === 0 && head !== "") break;
      comments.unshift(last);
      body.pop();
    }
    if (head !== "" || body.length > 0) clauses.push({ above, head, body, newlines });
    return comments;
  };
  for (let i = 0; i < pieces.length;) {
    const start = clauseAt(pieces, i, head);
    if (start === null) {
      body.push(pieces[i++]!);
      continue;
    }
    const comments = finish();
    above = comments;
    newlines = pieces[i]!.newlines;
    head = start.words.join(" ");
    body = [];
    i += start.words.length;
  }
  const rest = finish();
  if (rest.length > 0) clauses.push({ above: rest, head: "", body: [], newlines: 1 });
  return clauses;
}

/** The words of the clause that begins at a place; null where none does. */
function clauseAt(
  pieces: readonly Piece[],
  at: number,
  current: string,
): { words: string[] } | null {
  const word = (i: number) => {
    const piece = pieces[i];
    return piece?.type === "atom" ? piece.word : "";
  };
  const first = word(at);
  if (first === "") return null;
  if (WITH_BY.has(first)) {
    if (word(at + 1) !== "BY") return null;
    return { words: [first, "BY"] };
  }
  if (SET_WORDS.has(first)) {
    const words = [first];
    for (let i = at + 1; /^(ALL|DISTINCT|BY|NAME)$/.test(word(i)); i++) {
      words.push(textAt(pieces, i));
    }
    return { words };
  }
  if (JOIN_WORDS.has(first)) {
    const words = [first];
    let i = at + 1;
    for (; JOIN_WORDS.has(word(i)); i++) words.push(word(i));
    return word(i) === "JOIN" ? { words: [...words, "JOIN"] } : null;
  }
  if (!SINGLE.has(first)) return null;
  if (first === "WITH") {
    if (at > 0 && pieces.slice(0, at).some(({ type }) => type !== "comment")) return null;
    return { words: word(at + 1) === "RECURSIVE" ? ["WITH", "RECURSIVE"] : ["WITH"] };
  }
  if (first === "FROM" && word(at - 1) === "DISTINCT") return null;
  if (first === "VALUES" && current !== "" && !SET_WORDS.has(current.split(" ")[0]!)) return null;
  if (first === "SELECT" && word(at + 1) === "DISTINCT" && word(at + 2) !== "ON") {
    return { words: ["SELECT", "DISTINCT"] };
  }
  return { words: [first] };
}

function textAt(pieces: readonly Piece[], at: number): string {
  const piece = pieces[at]!;
  return piece.type === "atom" ? piece.text : "";
}
