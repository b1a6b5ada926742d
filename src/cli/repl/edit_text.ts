import type { Key } from "./keys.ts";

/** A text being written, and where. */
export interface EditedText {
  readonly text: string;
  /** Offset in `text`. */
  readonly cursor: number;
  /** What was last cut, for `ctrl-y`. */
  readonly cut: string;
}

/** Nothing written yet. */
export const EMPTY_TEXT: EditedText = { text: "", cursor: 0, cut: "" };

/** A text with the cursor behind it. */
export function written(text: string, { cut }: EditedText = EMPTY_TEXT): EditedText {
  return { text, cursor: text.length, cut };
}

/** What a key makes of a text, as in Emacs and most shells; null for a key that edits nothing. */
export function editText(state: EditedText, key: Key): EditedText | null {
  return EDITS[key.name]?.(state, key) ?? null;
}

type Edit = (state: EditedText, key: Key) => EditedText;

const insert: Edit = (state, { text }) => replace(state, state.cursor, state.cursor, text);

const EDITS: Readonly<Record<string, Edit>> = {
  char: insert,
  paste: insert,
  newline: (state) => insert(state, { name: "char", text: "\n" }),
  left: (state) => ({ ...state, cursor: before(state) }),
  right: (state) => ({ ...state, cursor: after(state) }),
  "ctrl-b": (state) => ({ ...state, cursor: before(state) }),
  "ctrl-f": (state) => ({ ...state, cursor: after(state) }),
  home: (state) => ({ ...state, cursor: lineStart(state) }),
  end: (state) => ({ ...state, cursor: lineEnd(state) }),
  "ctrl-a": (state) => ({ ...state, cursor: lineStart(state) }),
  "ctrl-e": (state) => ({ ...state, cursor: lineEnd(state) }),
  "word-left": (state) => ({ ...state, cursor: wordStart(state) }),
  "word-right": (state) => ({ ...state, cursor: wordEnd(state) }),
  backspace: (state) => replace(state, before(state), state.cursor, ""),
  delete: (state) => replace(state, state.cursor, after(state), ""),
  "ctrl-w": (state) => cut(state, wordStart(state), state.cursor),
  "backspace-word": (state) => cut(state, wordStart(state), state.cursor),
  "delete-word": (state) => cut(state, state.cursor, wordEnd(state)),
  "ctrl-u": (state) => cut(state, lineStart(state), state.cursor),
  "ctrl-k": (state) => cut(state, state.cursor, lineEnd(state)),
  "ctrl-y": (state) => replace(state, state.cursor, state.cursor, state.cut),
};

/** The line above or below the cursor, at the same place; null where there is none. */
export function moveLine(state: EditedText, by: -1 | 1): EditedText | null {
  const start = lineStart(state);
  const column = state.cursor - start;
  if (by < 0) {
    if (start === 0) return null;
    const above = lineStart({ ...state, cursor: start - 1 });
    return { ...state, cursor: Math.min(above + column, start - 1) };
  }
  const end = lineEnd(state);
  if (end === state.text.length) return null;
  return { ...state, cursor: Math.min(end + 1 + column, lineEnd({ ...state, cursor: end + 1 })) };
}

/** Puts a text in the place of another; the cursor stands behind it. */
export function replace(state: EditedText, from: number, to: number, text: string): EditedText {
  return {
    ...state,
    text: state.text.slice(0, from) + text + state.text.slice(to),
    cursor: from + text.length,
  };
}

function cut(state: EditedText, from: number, to: number): EditedText {
  return { ...replace(state, from, to, ""), cut: state.text.slice(from, to) };
}

const SEGMENTER = new Intl.Segmenter();

/** Letters with their marks count as one, and so do flags and families of emoji. */
function before({ text, cursor }: EditedText): number {
  const last = [...SEGMENTER.segment(text.slice(Math.max(0, cursor - 40), cursor))].at(-1);
  return cursor - (last?.segment.length ?? 0);
}

function after({ text, cursor }: EditedText): number {
  const [first] = SEGMENTER.segment(text.slice(cursor, cursor + 40));
  return cursor + (first?.segment.length ?? 0);
}

function lineStart({ text, cursor }: EditedText): number {
  return cursor === 0 ? 0 : text.lastIndexOf("\n", cursor - 1) + 1;
}

function lineEnd({ text, cursor }: EditedText): number {
  const end = text.indexOf("\n", cursor);
  return end < 0 ? text.length : end;
}

function wordStart({ text, cursor }: EditedText): number {
  const head = text.slice(0, cursor).replace(/[^\p{L}\p{N}_]+$/u, "");
  return head.replace(/[\p{L}\p{N}_]+$/u, "").length;
}

function wordEnd({ text, cursor }: EditedText): number {
  return cursor + /^[^\p{L}\p{N}_]*[\p{L}\p{N}_]*/u.exec(text.slice(cursor))![0].length;
}
