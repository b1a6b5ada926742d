import { constructFromEvents, EVENT_ID, parseEvents, SCALAR_STYLE, YAMLException } from "js-yaml";
import type { Diagnostic, Location } from "../base/diagnostic.ts";

/** Keys and indexes from the root of a document to a value. */
export type YamlPath = readonly (string | number)[];

/** Limits that keep a hostile or broken file from taking the machine down. */
const LIMITS = { maxDepth: 50, maxAliases: 100 };

/** Larger files are not read. */
export const SIZE_LIMIT_BYTES = 1 << 20;

type YamlEvent = ReturnType<typeof parseEvents>[number];

interface Span {
  /** Offset of the value's first character; for block scalars, of the first content line. */
  readonly start: number;
  readonly end: number;
  readonly style: number;
  readonly indent: number;
}

/** One document of a YAML file: its value, and where each part of it stands. */
export class YamlDocument {
  readonly file: string;
  readonly value: unknown;
  readonly #text: string;
  readonly #index: number;
  #spans: Map<string, Span> | null = null;

  /** `index` counts the documents of the file from 0. */
  constructor(file: string, text: string, index: number, value: unknown) {
    this.file = file;
    this.value = value;
    this.#text = text;
    this.#index = index;
  }

  /** Where the value at `path` begins; where its nearest existing parent begins when it does not exist. */
  locate(path: YamlPath): Location {
    const spans = this.#indexSpans();
    for (let length = path.length; length >= 0; length--) {
      const span = spans.get(spanKey(path.slice(0, length)));
      if (span !== undefined) return this.#location(span.start);
    }
    return { file: this.file, line: 1, column: 1 };
  }

  /** Where the key of a mapping entry stands. */
  locateKey(path: YamlPath): Location {
    const span = this.#indexSpans().get(`${spanKey(path)}#key`);
    return span === undefined ? this.locate(path) : this.#location(span.start);
  }

  /** Where a 1-based line and column inside the text at `path` stand in the file. */
  locateInText(path: YamlPath, line: number, column: number): Location {
    const start = this.locate(path);
    const span = this.#indexSpans().get(spanKey(path));
    if (span === undefined) return start;
    if (span.style === SCALAR_STYLE.LITERAL_BLOCK) {
      const first = this.#text.slice(0, span.start).split("\n").length;
      return { file: this.file, line: first + line - 1, column: Math.max(0, span.indent) + column };
    }
    return line === 1 && span.style !== SCALAR_STYLE.FOLDED_BLOCK
      ? { ...start, column: start.column + column - 1 }
      : start;
  }

  /** A scalar as it is written; null when there is none at `path`. */
  textAt(path: YamlPath): string | null {
    const span = this.#indexSpans().get(spanKey(path));
    return span === undefined || span.end === span.start
      ? null
      : this.#text.slice(span.start, span.end).trim();
  }

  /** Positions are wanted for problems only: the file is parsed again then, instead of being kept for every node. */
  #indexSpans(): Map<string, Span> {
    if (this.#spans === null) {
      const events = parseEvents(this.#text, { filename: this.file, ...LIMITS });
      this.#spans = indexSpans(splitDocuments(events)[this.#index] ?? [], this.#text);
    }
    return this.#spans;
  }

  #location(offset: number): Location {
    return { file: this.file, ...position(this.#text, offset) };
  }
}

/** Documents of a file, or the one problem that keeps it from being read. */
export type YamlParseResult =
  | { readonly documents: readonly YamlDocument[]; readonly problem: null }
  | { readonly documents: null; readonly problem: Diagnostic };

/** Parses all documents of a YAML file; empty ones are left out. */
export function parseYaml(file: string, text: string): YamlParseResult {
  if (text.length > SIZE_LIMIT_BYTES) {
    return failed(tooLarge(file));
  }
  try {
    const events = parseEvents(text, { filename: file, ...LIMITS });
    const values = constructFromEvents(events, { source: text, filename: file, ...LIMITS });
    const documents = values
      .map((value, i) => new YamlDocument(file, text, i, value))
      .filter((document) => document.value !== null && document.value !== undefined);
    return { documents, problem: null };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return failed(yamlProblem(file, text, error));
  }
}

/** The problem of a file that is not read. */
export function tooLarge(file: string): Diagnostic {
  return {
    severity: "error",
    code: "yaml_too_large",
    message: `File is larger than ${SIZE_LIMIT_BYTES} bytes`,
    file,
    hint: "split it into one file per node",
  };
}

function failed(problem: Diagnostic): YamlParseResult {
  return { documents: null, problem };
}

function yamlProblem(file: string, text: string, error: Error): Diagnostic {
  const mark = error instanceof YAMLException ? error.mark : undefined;
  const reason = error instanceof YAMLException ? error.reason : error.message;
  const line = mark === undefined ? "" : text.split("\n")[mark.line] ?? "";
  return {
    severity: "error",
    code: "yaml_syntax",
    message: `Invalid YAML: ${reason}`,
    file,
    line: (mark?.line ?? 0) + 1,
    column: (mark?.column ?? 0) + 1,
    hint: yamlHint(reason, line),
  };
}

function yamlHint(reason: string, line: string): string | undefined {
  if (line.includes("\t")) return "indent with spaces, not tabs";
  if (/duplicated mapping key/.test(reason)) return "keep one of the two keys";
  if (/mapping/.test(reason)) return 'quote a value that contains ": ", or check the indentation';
  return "check quotes, brackets and indentation up to this place";
}

function splitDocuments(events: readonly YamlEvent[]): YamlEvent[][] {
  const result: YamlEvent[][] = [];
  for (const event of events) {
    if (event.type === EVENT_ID.DOCUMENT) result.push([]);
    else result.at(-1)?.push(event);
  }
  return result;
}

interface Frame {
  readonly path: (string | number)[];
  /** Next index of a sequence; -1 in a mapping. */
  index: number;
  key: string | null;
}

function indexSpans(events: readonly YamlEvent[], text: string): Map<string, Span> {
  const spans = new Map<string, Span>();
  const stack: Frame[] = [];
  for (const event of events) {
    if (event.type === EVENT_ID.POP) {
      stack.pop();
      continue;
    }
    const span = spanOf(event);
    const frame = stack.at(-1);
    if (frame !== undefined && frame.index < 0 && frame.key === null) {
      frame.key = text.slice(span.start, "valueEnd" in event ? event.valueEnd : span.start);
      spans.set(`${spanKey([...frame.path, frame.key])}#key`, span);
      continue;
    }
    const path = frame === undefined ? [] : [...frame.path, nextStep(frame)];
    spans.set(spanKey(path), span);
    if (event.type === EVENT_ID.MAPPING) stack.push({ path, index: -1, key: null });
    if (event.type === EVENT_ID.SEQUENCE) stack.push({ path, index: 0, key: null });
  }
  return spans;
}

function nextStep(frame: Frame): string | number {
  if (frame.index >= 0) return frame.index++;
  const key = frame.key!;
  frame.key = null;
  return key;
}

function spanOf(event: YamlEvent): Span {
  const loose = event as {
    start?: number;
    valueStart?: number;
    valueEnd?: number;
    style?: number;
    indent?: number;
  };
  return {
    start: loose.valueStart ?? loose.start ?? 0,
    end: loose.valueEnd ?? loose.start ?? 0,
    style: loose.style ?? 0,
    indent: loose.indent ?? 0,
  };
}

function spanKey(path: YamlPath): string {
  return path.join("\u0000");
}

/** 1-based line and column of an offset; leading blanks of a block's first line are skipped. */
function position(text: string, offset: number): { line: number; column: number } {
  let start = offset;
  while (text[start] === " ") start++;
  const before = text.slice(0, start);
  const newline = before.lastIndexOf("\n");
  return { line: before.split("\n").length, column: start - newline };
}
