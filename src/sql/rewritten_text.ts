interface Segment {
  readonly outStart: number;
  readonly rawStart: number;
  /** False where the text was replaced: every place in it stands for `rawStart`. */
  readonly verbatim: boolean;
}

/** A text made from another, that knows where each of its places came from. */
export class RewrittenText {
  #text = "";
  readonly #segments: Segment[] = [];

  get text(): string {
    return this.#text;
  }

  /** Appends text that stands in the original at `rawStart`. */
  keep(text: string, rawStart: number): void {
    const last = this.#segments.at(-1);
    const continues = last?.verbatim === true &&
      last.rawStart + this.#text.length - last.outStart === rawStart;
    if (!continues) {
      this.#segments.push({ outStart: this.#text.length, rawStart, verbatim: true });
    }
    this.#text += text;
  }

  /** Appends text in the place of something that began at `rawStart`. */
  replace(text: string, rawStart: number): void {
    this.#segments.push({ outStart: this.#text.length, rawStart, verbatim: false });
    this.#text += text;
  }

  /** The offset in the original for an offset in this text. */
  originalOffset(offset: number): number {
    const segment = this.#segments.findLast((s) => s.outStart <= offset);
    if (segment === undefined) return 0;
    return segment.verbatim ? segment.rawStart + offset - segment.outStart : segment.rawStart;
  }
}

/** Offset of a 1-based line and column. */
export function offsetAt(text: string, line: number, column: number): number {
  let offset = 0;
  for (let n = 1; n < line; n++) {
    const newline = text.indexOf("\n", offset);
    if (newline < 0) break;
    offset = newline + 1;
  }
  return Math.min(text.length, offset + column - 1);
}

/** 1-based line and column of an offset. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}
