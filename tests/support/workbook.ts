import { crc32 } from "node:zlib";

/** A ZIP file of texts, stored as they are. */
export function zipOf(files: Readonly<Record<string, string>>): Uint8Array {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [path, text] of Object.entries(files)) {
    const [name, data] = [encoder.encode(path), encoder.encode(text)];
    const common = (view: DataView, at: number) => {
      view.setUint16(at, 20, true);
      view.setUint32(at + 10, crc32(data), true);
      view.setUint32(at + 14, data.length, true);
      view.setUint32(at + 18, data.length, true);
      view.setUint16(at + 22, name.length, true);
    };
    const local = new Uint8Array(30 + name.length);
    const localView = new DataView(local.buffer);
    localView.setUint32(0, 0x04034b50, true);
    common(localView, 4);
    local.set(name, 30);
    const entry = new Uint8Array(46 + name.length);
    const entryView = new DataView(entry.buffer);
    entryView.setUint32(0, 0x02014b50, true);
    common(entryView, 6);
    entryView.setUint32(42, offset, true);
    entry.set(name, 46);
    parts.push(local, data);
    directory.push(entry);
    offset += local.length + data.length;
  }
  const length = directory.reduce((sum, entry) => sum + entry.length, 0);
  const end = new Uint8Array(22);
  const view = new DataView(end.buffer);
  view.setUint32(0, 0x06054b50, true);
  view.setUint16(8, directory.length, true);
  view.setUint16(10, directory.length, true);
  view.setUint32(12, length, true);
  view.setUint32(16, offset, true);
  return concat([...parts, ...directory, end]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The text of `xl/workbook.xml` and what belongs to it, for a workbook of one sheet. */
export interface WorkbookParts {
  /** Inside `sheetData`. */
  readonly rows: string;
  readonly strings?: string;
  readonly styles?: string;
  /** Attributes of `workbookPr`. */
  readonly properties?: string;
}

const RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/** A workbook of one sheet, of the texts that are given. */
export function workbookOf({ rows, strings, styles, properties = "" }: WorkbookParts): Uint8Array {
  const relation = (id: string, type: string, target: string) =>
    `<Relationship Id="${id}" Type="${RELS}/${type}" Target="${target}"/>`;
  return zipOf({
    "_rels/.rels": `<Relationships>${
      relation("r", "officeDocument", "xl/workbook.xml")
    }</Relationships>`,
    "xl/workbook.xml":
      `<workbook><workbookPr ${properties}/><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`,
    "xl/_rels/workbook.xml.rels": `<Relationships>${relation("r1", "worksheet", "/xl/s.xml")}${
      relation("r2", "sharedStrings", "strings.xml")
    }${relation("r3", "styles", "styles.xml")}</Relationships>`,
    "xl/s.xml": `<worksheet><sheetData>${rows}</sheetData></worksheet>`,
    ...(strings === undefined ? {} : { "xl/strings.xml": `<sst>${strings}</sst>` }),
    ...(styles === undefined ? {} : { "xl/styles.xml": `<styleSheet>${styles}</styleSheet>` }),
  });
}

/** Rows of a sheet with the numbers in one column under a name. */
export function numberRows(name: string, numbers: readonly number[]): string {
  const header = `<row r="1"><c r="A1" t="inlineStr"><is><t>${name}</t></is></c></row>`;
  return header + numbers.map((n, i) => `<row><c r="A${i + 2}"><v>${n}</v></c></row>`).join("");
}
