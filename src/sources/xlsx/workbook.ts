import { columnNumber } from "./cell_place.ts";
import { meaningOfFormat, type NumberMeaning, serialText } from "./number_format.ts";
import {
  attribute,
  elements,
  firstElement,
  streamElements,
  stringText,
  unescapeString,
  unescapeXml,
} from "./xml_text.ts";
import { ZipError, ZipFile } from "./zip_file.ts";

/** What a cell holds. A `formula` is one whose value was never stored. */
export type CellKind =
  | "number"
  | "date"
  | "datetime"
  | "time"
  | "boolean"
  | "text"
  | "error"
  | "formula";

/** A cell that is not empty. */
export interface Cell {
  /** From 0. */
  readonly column: number;
  readonly kind: CellKind;
  readonly text: string;
}

/** A row with a cell that is not empty. */
export interface SheetRow {
  /** From 0. */
  readonly row: number;
  readonly cells: readonly Cell[];
}

/** Characters of all texts that cells share, at most: they are held in memory. */
const STRINGS_LIMIT = 1 << 29;

/** A workbook of the Open XML format (ECMA-376), read row by row; strings that cells share are held. */
export class Workbook implements Disposable {
  readonly #zip: ZipFile;
  /** Entries by the name of their sheet, in the order of the tabs. */
  #sheets: ReadonlyMap<string, string> = new Map();
  #since1904 = false;
  #meanings: readonly NumberMeaning[] = [];
  #strings: readonly string[] | null = null;
  #stringsEntry: string | null = null;

  private constructor(zip: ZipFile) {
    this.#zip = zip;
  }

  /** Throws a `ZipError` for what is no workbook. */
  static async open(path: string): Promise<Workbook> {
    const workbook = new Workbook(new ZipFile(path));
    try {
      await workbook.#readParts();
      return workbook;
    } catch (error) {
      workbook[Symbol.dispose]();
      throw error;
    }
  }

  /** Names of the sheets with cells. */
  get sheets(): readonly string[] {
    return [...this.#sheets.keys()];
  }

  /** Rows of a sheet that are not empty, from the top. */
  async *rows(sheet: string): AsyncGenerator<SheetRow> {
    const strings = this.#strings ??= await this.#readStrings();
    const pieces = this.#zip.text(this.#sheets.get(sheet)!);
    let next = 0;
    for await (const { tag, inner } of streamElements(pieces, "row", "sheetData")) {
      const row = Number(attribute(tag, "r") ?? next + 1) - 1;
      next = row + 1;
      const cells = this.#cells(inner, strings);
      if (cells.length > 0) yield { row, cells };
    }
  }

  [Symbol.dispose](): void {
    this.#zip[Symbol.dispose]();
  }

  async #readParts(): Promise<void> {
    const root = relations(await this.#zip.wholeText("_rels/.rels"), "");
    const main = root.find(({ type }) => type === "officeDocument")?.target ?? "xl/workbook.xml";
    if (!this.#zip.has(main)) throw new ZipError("it holds no workbook");
    const xml = await this.#zip.wholeText(main);
    const folder = main.slice(0, main.lastIndexOf("/") + 1);
    const own = `${folder}_rels/${main.slice(folder.length)}.rels`;
    const parts = relations(await this.#zip.wholeText(own), folder);
    const properties = firstElement(xml, "workbookPr")?.tag ?? "";
    this.#since1904 = /^(1|true)$/.test(attribute(properties, "date1904") ?? "");
    const sheets = new Map(
      parts.filter(({ type }) => type === "worksheet").map(({ id, target }) => [id, target]),
    );
    this.#sheets = new Map(
      [...elements(xml, "sheet")].flatMap(({ tag }) => {
        const target = sheets.get(attribute(tag, "id") ?? "");
        const name = attribute(tag, "name");
        return target === undefined || name === null ? [] : [[name, target] as const];
      }),
    );
    this.#stringsEntry = parts.find(({ type }) => type === "sharedStrings")?.target ?? null;
    const styles = parts.find(({ type }) => type === "styles")?.target;
    this.#meanings = styles === undefined || !this.#zip.has(styles)
      ? []
      : readMeanings(await this.#zip.wholeText(styles));
  }

  async #readStrings(): Promise<string[]> {
    const strings: string[] = [];
    if (this.#stringsEntry === null || !this.#zip.has(this.#stringsEntry)) return strings;
    const pieces = this.#zip.text(this.#stringsEntry);
    let length = 0;
    for await (const { inner } of streamElements(pieces, "si", "sst")) {
      const text = stringText(inner);
      length += text.length;
      if (length > STRINGS_LIMIT) throw new ZipError("its texts are too large");
      strings.push(text);
    }
    return strings;
  }

  #cells(row: string, strings: readonly string[]): Cell[] {
    const cells: Cell[] = [];
    let next = 0;
    for (const { tag, inner } of elements(row, "c")) {
      const place = attribute(tag, "r");
      const column = place === null ? next : columnNumber(place.replace(/\d+$/, ""));
      next = column + 1;
      const value = inner === "" ? null : this.#value(tag, inner, strings);
      if (value !== null) cells.push({ column, ...value });
    }
    return cells;
  }

  #value(
    tag: string,
    inner: string,
    strings: readonly string[],
  ): { kind: CellKind; text: string } | null {
    const type = attribute(tag, "t") ?? "n";
    if (type === "inlineStr") return textOrEmpty(stringText(inner));
    const raw = firstElement(inner, "v");
    if (raw === null || (raw.inner === "" && type !== "str")) {
      return firstElement(inner, "f") === null ? null : { kind: "formula", text: "" };
    }
    const value = unescapeXml(raw.inner);
    switch (type) {
      case "s":
        return textOrEmpty(strings[Number(value)] ?? "");
      case "str":
        return textOrEmpty(unescapeString(value));
      case "b":
        return { kind: "boolean", text: value.trim() === "1" ? "true" : "false" };
      case "e":
        return { kind: "error", text: value };
      case "d":
        return { kind: "datetime", text: value.replace("T", " ") };
      default:
        return this.#number(tag, value);
    }
  }

  #number(tag: string, value: string): { kind: CellKind; text: string } {
    const number = Number(value);
    if (!Number.isFinite(number) || value.trim() === "") {
      throw new ZipError(`a cell says that ${JSON.stringify(value)} is a number`);
    }
    const meaning = this.#meanings[Number(attribute(tag, "s") ?? 0)] ?? "number";
    if (meaning === "number") {
      return { kind: "number", text: Object.is(number, -0) ? "0" : String(number) };
    }
    const { text, meaning: kind } = serialText(number, meaning, this.#since1904);
    return { kind, text };
  }
}

/** An empty text is an empty cell: people cannot tell them apart. */
function textOrEmpty(text: string): { kind: CellKind; text: string } | null {
  return text === "" ? null : { kind: "text", text };
}

interface Relation {
  readonly id: string;
  /** Last word of the type's address, which two editions of the standard write differently. */
  readonly type: string;
  readonly target: string;
}

function relations(xml: string, folder: string): Relation[] {
  return [...elements(xml, "Relationship")].map(({ tag }) => {
    const target = attribute(tag, "Target") ?? "";
    const path = target.startsWith("/") ? target.slice(1) : `${folder}${target}`;
    return {
      id: attribute(tag, "Id") ?? "",
      type: (attribute(tag, "Type") ?? "").replace(/^.*\//, ""),
      target: path.replace(/[^/]+\/\.\.\//g, "").replace(/(^|\/)\.\//g, "$1"),
    };
  });
}

/** What numbers mean, by the index of a cell's style. */
function readMeanings(xml: string): NumberMeaning[] {
  const codes = new Map(
    [...elements(firstElement(xml, "numFmts")?.inner ?? "", "numFmt")].map(({ tag }) => [
      Number(attribute(tag, "numFmtId")),
      attribute(tag, "formatCode") ?? "",
    ]),
  );
  return [...elements(firstElement(xml, "cellXfs")?.inner ?? "", "xf")].map(({ tag }) => {
    const id = Number(attribute(tag, "numFmtId") ?? 0);
    return meaningOfFormat(id, codes.get(id) ?? null);
  });
}
