import { type Clause, toClauses } from "./clauses.ts";
import { type Comment, type Group, isKeyword, type Piece } from "./pieces.ts";

/** Characters of a line that are filled before it is broken. */
const WIDTH = 88;
const STEP = "  ";

/** Lines of a query, indented by `indent`. */
export function layoutQuery(pieces: readonly Piece[], indent: string): string {
  const lines: string[] = [];
  for (const clause of toClauses(pieces)) {
    const { above, head, newlines } = clause;
    const isMain = head.startsWith("SELECT") || head.startsWith("FROM");
    above.forEach((comment, i) => {
      if (lines.length > 0 && (comment.newlines > 1 && (i > 0 || isMain))) lines.push("");
      lines.push(indent + comment.text);
    });
    const afterWith = lines.length > 0 && isMain && newlines > 1;
    if (afterWith && above.length === 0) lines.push("");
    const text = layoutClause(clause, indent);
    if (text !== "") lines.push(text);
  }
  return lines.join("\n");
}

function layoutClause({ head, body }: Clause, indent: string): string {
  const first = head.split(" ")[0]!;
  if (head === "" || body.length === 0) return indent + (head + layout(body, indent, head)).trim();
  if (first === "WITH") return layoutWith(head, body, indent);
  if (/^(WHERE|HAVING|QUALIFY)$/.test(first)) {
    return indent + head + layoutCondition(body, indent, indent.length + head.length);
  }
  if (head.endsWith("JOIN")) return layoutJoin(head, body, indent);
  return layoutList(head, body, indent);
}

/** Items on one line where they fit and were written so; else one a line. */
function layoutList(head: string, body: readonly Piece[], indent: string): string {
  const items = splitItems(body);
  const line = flat(body);
  const isOpen = body[0]!.newlines > 0;
  const fits = line !== null && indent.length + head.length + 1 + line.length <= WIDTH;
  if (fits && !isOpen) return `${indent}${head} ${line}`;
  if (items.length === 1 && (!isOpen || head === "FROM" || head === "LIMIT")) {
    return `${indent}${head}${layout(items[0]!.pieces, indent, `${indent}${head}`)}`;
  }
  return `${indent}${head}\n${layoutItems(items, indent + STEP)}`;
}

function layoutItems(items: readonly Item[], indent: string): string {
  return items.map(({ pieces, behind }, i) => {
    const comma = i < items.length - 1 ? "," : "";
    const note = behind.map((comment) => ` ${comment.text}`).join("");
    const { lead, rest } = splitLead(pieces);
    const above = lead.map((comment) => `${indent}${comment.text}\n`).join("");
    const isCondition = rest.some((piece) => isWord(piece, "AND") || isWord(piece, "OR"));
    const text = isCondition
      ? layoutCondition(rest, indent, indent.length - 1).trimStart()
      : layout(rest, indent, indent).trimStart();
    return `${above}${indent}${withComma(text, comma)}${note}`;
  }).join("\n");
}

/** A comma goes before the comment that a text ends in. */
function withComma(text: string, comma: string): string {
  return text + comma;
}

interface Item {
  readonly pieces: readonly Piece[];
  /** Comments that stand behind its comma, on its line. */
  readonly behind: readonly Comment[];
}

function splitItems(body: readonly Piece[]): Item[] {
  const groups: Piece[][] = [[]];
  for (const piece of body) {
    if (piece.type === "atom" && piece.text === ",") groups.push([]);
    else groups.at(-1)!.push(piece);
  }
  return groups.map((pieces, i) => {
    const own = i === 0 ? pieces : pieces.slice(countBehind(pieces));
    const next = groups[i + 1] ?? [];
    const behind = next.slice(0, countBehind(next)) as Comment[];
    // A comment at the end of an item, before its comma, goes behind the comma.
    const tail: Comment[] = [];
    const rest = [...own];
    while (rest.at(-1)?.type === "comment" && i < groups.length - 1 && rest.length > 1) {
      tail.unshift(rest.pop() as Comment);
    }
    return { pieces: rest, behind: [...tail, ...behind] };
  });
}

/** Comments on the line of the comma before them. */
function countBehind(pieces: readonly Piece[]): number {
  const first = pieces[0];
  return first?.type === "comment" && first.newlines === 0 ? 1 : 0;
}

function splitLead(pieces: readonly Piece[]): { lead: Comment[]; rest: readonly Piece[] } {
  const count = pieces.findIndex(({ type }) => type !== "comment");
  const end = count < 0 ? pieces.length : count;
  return { lead: pieces.slice(0, end) as Comment[], rest: pieces.slice(end) };
}

/** Named queries, each with its own lines. */
function layoutWith(head: string, body: readonly Piece[], indent: string): string {
  const items = splitItems(body);
  const lines: string[] = [];
  items.forEach(({ pieces, behind }, i) => {
    const { lead, rest } = splitLead(pieces);
    const isSpaced = i > 0 && (pieces[0]?.newlines ?? 0) > 1;
    if (isSpaced) lines.push("");
    if (i === 0 && lead.length > 0) lines.push(indent + head);
    lead.forEach((comment) => lines.push(indent + comment.text));
    const start = i === 0 && lead.length === 0 ? `${indent}${head} ` : indent;
    const comma = i < items.length - 1 ? "," : "";
    const note = behind.map((comment) => ` ${comment.text}`).join("");
    lines.push(`${start}${layout(rest, indent, start, true).trimStart()}${comma}${note}`);
  });
  return lines.join("\n");
}

/** Broken before AND and OR where it does not fit, or was broken there. `used` are the characters before it. */
function layoutCondition(pieces: readonly Piece[], indent: string, used: number): string {
  const parts: Piece[][] = [[]];
  let isBetween = false;
  let isOpen = false;
  for (const [i, piece] of pieces.entries()) {
    const isBreak = isWord(piece, "OR") || (isWord(piece, "AND") && !isBetween);
    if (isWord(piece, "BETWEEN")) isBetween = true;
    else if (isWord(piece, "AND")) isBetween = false;
    if (isBreak && i > 0) {
      parts.push([]);
      isOpen ||= piece.newlines > 0;
    }
    parts.at(-1)!.push(piece);
  }
  const line = flat(pieces);
  if (line !== null && !isOpen && used + 1 + line.length <= WIDTH) return ` ${line}`;
  const inner = indent + STEP;
  return parts.map((part, i) => {
    const { lead, rest } = splitLead(part);
    const above = lead.map((comment) => `\n${inner}${comment.text}`).join("");
    const start = i === 0 && lead.length === 0 ? "" : `${above}\n${inner}`;
    const text = layout(rest, inner, inner).trimStart();
    return i === 0 && lead.length === 0 ? ` ${text}` : `${start}${text}`;
  }).join("");
}

/** `JOIN x ON …`, the condition on lines of its own where it does not fit. */
function layoutJoin(head: string, body: readonly Piece[], indent: string): string {
  const at = body.findIndex((piece) => isWord(piece, "ON"));
  const line = flat(body);
  const isOpen = at >= 0 &&
    body.slice(at).some((piece) =>
      (isWord(piece, "ON") || isWord(piece, "AND") || isWord(piece, "OR")) && piece.newlines > 0
    );
  const room = indent.length + head.length + 1;
  if (line !== null && !isOpen && room + line.length <= WIDTH) return `${indent}${head} ${line}`;
  if (at < 0) return `${indent}${head}${layout(body, indent, `${indent}${head}`)}`;
  const table = `${indent}${head}${layout(body.slice(0, at), indent, `${indent}${head}`)}`;
  const inner = indent + STEP;
  const endsOpen = /--[^\n]*$/.test(table.split("\n").at(-1)!) && body[at - 1]?.type === "comment";
  const gap = endsOpen && table.endsWith("\n") ? "" : "\n";
  return `${table.trimEnd()}${gap}${inner}ON${
    layoutCondition(body.slice(at + 1), inner, inner.length + 2)
  }`;
}

/**
 * Pieces one after another, from ` ` on, behind `before`. Brackets that do not fit into the line are opened;
 * queries in brackets always where `opens`.
 */
function layout(
  pieces: readonly Piece[],
  indent: string,
  before: string,
  opens = false,
): string {
  const line = flat(pieces);
  const used = before.split("\n").at(-1)!.length;
  const isOpen = pieces.some((piece) => piece.type === "group" && staysOpen(piece, opens));
  if (line !== null && !isOpen && used + 1 + line.length <= WIDTH) {
    return line === "" ? "" : ` ${line}`;
  }
  let text = "";
  let isNewLine = false;
  pieces.forEach((piece, i) => {
    const gap = isNewLine ? "" : i === 0 ? " " : gapBetween(pieces[i - 1]!, piece);
    if (piece.type === "comment") {
      text += piece.newlines > 0 || i === 0
        ? `${isNewLine ? "" : `\n${indent}${STEP}`}${piece.text}`
        : ` ${piece.text}`;
      const hasMore = i < pieces.length - 1;
      text += hasMore ? `\n${indent}${STEP}` : "";
      isNewLine = hasMore;
      return;
    }
    isNewLine = false;
    if (piece.type === "atom") {
      text += gap + piece.text;
      return;
    }
    const soFar = (before + text).split("\n").at(-1)!.length + gap.length;
    text += gap + layoutGroup(piece, { indent, used: soFar, opens });
  });
  return text;
}

function layoutGroup(
  group: Group,
  { indent, used, opens }: { indent: string; used: number; opens: boolean },
): string {
  const { open, close, inner, isQuery } = group;
  const line = flat([group]);
  if (line !== null && used + line.length <= WIDTH && !staysOpen(group, opens)) return line;
  const deeper = indent + STEP;
  if (isQuery) return `${open}\n${layoutQuery(inner, deeper)}\n${indent}${close}`;
  if (open === "CASE") return layoutCase(inner, indent);
  if (inner.length === 0) return open + close;
  return `${open}\n${layoutItems(splitItems(inner), deeper)}\n${indent}${close}`;
}

/** True for groups that are opened although they would fit. */
function staysOpen({ open, isQuery, inner }: Group, opens: boolean): boolean {
  const wasOpen = (inner[0]?.newlines ?? 0) > 0;
  if (isQuery) return opens || wasOpen || inner.some(hasBreak);
  return open === "CASE" && inner.some((piece) => isWord(piece, "WHEN") && piece.newlines > 0);
}

function hasBreak(piece: Piece): boolean {
  return piece.newlines > 0;
}

function layoutCase(inner: readonly Piece[], indent: string): string {
  const deeper = indent + STEP;
  const parts: Piece[][] = [[]];
  for (const piece of inner) {
    if (isWord(piece, "WHEN") || isWord(piece, "ELSE")) parts.push([]);
    parts.at(-1)!.push(piece);
  }
  const [subject = [], ...branches] = parts;
  const lines = branches.map((part) => `${deeper}${layout(part, deeper, deeper).trimStart()}`);
  const head = layout(subject, indent, `${indent}CASE`);
  return [`CASE${head}`, ...lines, `${indent}END`].join("\n");
}

/** Pieces on one line; null where a comment has to end it. */
function flat(pieces: readonly Piece[]): string | null {
  let text = "";
  for (const [i, piece] of pieces.entries()) {
    if (piece.type === "comment") return null;
    const gap = i === 0 ? "" : gapBetween(pieces[i - 1]!, piece);
    if (piece.type === "atom") {
      if (piece.text.includes("\n")) return null;
      text += gap + piece.text;
      continue;
    }
    const inner = flat(piece.inner);
    if (inner === null) return null;
    const isWordy = piece.open === "CASE";
    text += `${gap}${piece.open}${isWordy ? " " : ""}${inner}${isWordy ? " " : ""}${piece.close}`;
  }
  return text;
}

function gapBetween(before: Piece, after: Piece): string {
  if (after.type === "atom" && (after.text === "," || after.text === ";")) return "";
  if (before.type === "atom" && before.text === ",") return " ";
  const isOpening = after.type === "group" && after.open === "(";
  if (isOpening && before.type === "atom" && CLAUSE_WORDS.test(before.word)) return " ";
  return after.glued ? "" : " ";
}

/** Words that are never the name of a function. */
const CLAUSE_WORDS =
  /^(AS|IN|ON|USING|AND|OR|NOT|WHEN|THEN|ELSE|BETWEEN|FROM|WHERE|JOIN|HAVING|BY|UNION|ALL|DISTINCT|EXCEPT|INTERSECT|OVER|LIKE|MATERIALIZED|VALUES)$/;

function isWord(piece: Piece, word: string): boolean {
  return piece.type === "atom" && piece.word === word && isKeyword(word);
}
