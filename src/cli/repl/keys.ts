/** A key, or a text that was pasted. */
export interface Key {
  /** `char`, `paste`, `ctrl-a` … `ctrl-z`, `alt-b`, `left`, `word-left`, `home`, `delete`, `enter`, … */
  readonly name: string;
  /** What is put in: for `char` and `paste`. */
  readonly text: string;
}

/** What terminals send behind ESC for keys that write nothing. */
const SEQUENCES: Readonly<Record<string, string>> = {
  "[A": "up",
  "[B": "down",
  "[C": "right",
  "[D": "left",
  "OA": "up",
  "OB": "down",
  "OC": "right",
  "OD": "left",
  "[H": "home",
  "[F": "end",
  "OH": "home",
  "OF": "end",
  "[1~": "home",
  "[4~": "end",
  "[7~": "home",
  "[8~": "end",
  "[3~": "delete",
  "[1;5C": "word-right",
  "[1;5D": "word-left",
  "[1;3C": "word-right",
  "[1;3D": "word-left",
  "[Z": "back-tab",
  "b": "word-left",
  "f": "word-right",
  "d": "delete-word",
  "\x7f": "backspace-word",
  "\r": "newline",
  "\n": "newline",
};

const PASTE_START = "\x1b[200~";
const PASTE_END = "\x1b[201~";

/** Turns what a terminal sends into keys, whatever the pieces it comes in. */
export class KeyDecoder {
  #rest = "";

  /** The keys that a piece completes. */
  push(piece: string): Key[] {
    const keys: Key[] = [];
    this.#rest += piece;
    for (;;) {
      const found = next(this.#rest);
      if (found === null) return keys;
      keys.push(...found.keys);
      this.#rest = this.#rest.slice(found.length);
    }
  }
}

/** The first key of a text and its length; null where more has to come. */
function next(text: string): { keys: Key[]; length: number } | null {
  const first = text[0];
  if (first === undefined) return null;
  if (text.startsWith(PASTE_START)) return paste(text);
  if (first === "\x1b") return escape(text);
  const code = first.charCodeAt(0);
  if (first === "\r" || first === "\n") return one("enter", 1);
  if (first === "\t") return one("tab", 1);
  if (code === 127 || code === 8) return one("backspace", 1);
  if (code < 32) return one(`ctrl-${String.fromCharCode(96 + code)}`, 1);
  const character = String.fromCodePoint(text.codePointAt(0)!);
  return { keys: [{ name: "char", text: character }], length: character.length };
}

function one(name: string, length: number): { keys: Key[]; length: number } {
  return { keys: [{ name, text: "" }], length };
}

function paste(text: string): { keys: Key[]; length: number } | null {
  const end = text.indexOf(PASTE_END);
  if (end < 0) return null;
  const pasted = text.slice(PASTE_START.length, end).replace(/\r\n?/g, "\n").replaceAll("\t", "  ");
  return { keys: [{ name: "paste", text: pasted }], length: end + PASTE_END.length };
}

function escape(text: string): { keys: Key[]; length: number } | null {
  // deno-lint-ignore no-control-regex
  const match = /^\x1b(\[[\d;?<]*[@-~]|O[@-~]|[^[O])/.exec(text);
  if (match !== null) {
    const name = SEQUENCES[match[1]!];
    return { keys: name === undefined ? [] : [{ name, text: "" }], length: match[0].length };
  }
  // The key itself, with nothing behind it; the beginning of a sequence is waited for.
  return text.length > 1 ? null : one("escape", 1);
}
