import type { Location } from "../base/diagnostic.ts";
import { isMapping, type Locator } from "../base/field_reader.ts";
import { parseYaml, type YamlParseResult, type YamlPath } from "./yaml_document.ts";

/** Languages of files that are nodes themselves, by the end of the name. */
const LANGUAGES = { sql: "sql", ts: "typescript", py: "python" } as const;

/** Comment mark of a language. */
const MARKS = { sql: "--", typescript: "//", python: "#" } as const;

/** A language that a node's file can be written in. */
export type CodeLanguage = (typeof LANGUAGES)[keyof typeof LANGUAGES];

/** A file of code that is a node: its fields in a comment, its rows made by the code. */
export interface CodeFile {
  readonly language: CodeLanguage;
  /** Fields of the header; an empty mapping where there is none. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly hasHeader: boolean;
  /** The code without the header. */
  readonly code: string;
  readonly locator: CodeLocator;
}

/** What a code file is, or the one problem that keeps it from being read. */
export type CodeFileResult =
  | { readonly file: CodeFile; readonly problem: null }
  | { readonly file: null; readonly problem: NonNullable<YamlParseResult["problem"]> };

/** The language of a file by its name; null for any other. */
export function codeLanguage(file: string): CodeLanguage | null {
  const end = /\.(sql|ts|py)$/.exec(file)?.[1];
  return end === undefined ? null : LANGUAGES[end as keyof typeof LANGUAGES];
}

/**
 * Reads a file of code. Its node's fields are YAML in a comment that begins with a line `/// seeknal`
 * and ends with a line `///`, the way Python scripts carry metadata (PEP 723):
 *
 *     -- /// seeknal
 *     -- description: Orders a day
 *     -- ///
 *     SELECT …
 */
export function readCodeFile(file: string, text: string, language: CodeLanguage): CodeFileResult {
  const mark = MARKS[language];
  const lines = text.split("\n");
  const isLine = (line: string, words: string) =>
    line.trimEnd().startsWith(mark) && line.trimEnd().slice(mark.length).trim() === words;
  const first = lines.findIndex((line) => isLine(line, "/// seeknal"));
  const length = first < 0 ? -1 : lines.slice(first + 1).findIndex((line) => isLine(line, "///"));
  if (first >= 0 && length < 0) {
    return {
      file: null,
      problem: {
        severity: "error",
        code: "header_open",
        message: "The node's fields begin and do not end",
        file,
        line: first + 1,
        column: 1,
        hint: `write a line "${mark} ///" behind them`,
      },
    };
  }
  const last = first + 1 + length;
  const isHeader = (n: number) => first >= 0 && n >= first && n <= last;
  // Blanks in place of the comment marks: every character of the YAML stays where it stands in the file.
  const yaml = lines.map((line, n) =>
    isHeader(n) && n !== first && n !== last
      ? " ".repeat(mark.length) + line.slice(line.indexOf(mark) + mark.length)
      : ""
  ).join("\n");
  const body = lines.map((line, n) => isHeader(n) ? "" : line);
  const skipped = body.findIndex((line) => line.trim() !== "");
  const offset = Math.max(0, skipped);
  const code = body.slice(offset).join("\n");
  const { documents, problem } = parseYaml(file, yaml);
  if (problem !== null) return { file: null, problem };
  const header = documents[0];
  const fields = header === undefined || !isMapping(header.value) ? {} : header.value;
  return {
    problem: null,
    file: {
      language,
      fields,
      hasHeader: first >= 0,
      code,
      locator: new CodeLocator(file, header ?? null, offset, new Set(Object.keys(fields))),
    },
  };
}

/** Where parts of a code file stand: fields in the header, text of the code behind it. */
class CodeLocator implements Locator {
  readonly #file: string;
  readonly #header: Locator | null;
  /** Lines above the code. */
  readonly #offset: number;
  readonly #fields: ReadonlySet<string>;

  constructor(file: string, header: Locator | null, offset: number, fields: ReadonlySet<string>) {
    this.#file = file;
    this.#header = header;
    this.#offset = offset;
    this.#fields = fields;
  }

  locate(path: YamlPath): Location {
    return this.#isField(path) ? this.#header!.locate(path) : this.#place(1, 1);
  }

  locateKey(path: YamlPath): Location {
    return this.#isField(path) ? this.#header!.locateKey(path) : this.#place(1, 1);
  }

  locateInText(path: YamlPath, line: number, column: number): Location {
    return this.#isField(path)
      ? this.#header!.locateInText(path, line, column)
      : this.#place(line, column);
  }

  textAt(path: YamlPath): string | null {
    return this.#isField(path) ? this.#header!.textAt(path) : null;
  }

  #isField([first]: YamlPath): boolean {
    return this.#header !== null && first !== undefined && this.#fields.has(String(first));
  }

  #place(line: number, column: number): Location {
    return { file: this.#file, line: this.#offset + line, column };
  }
}
