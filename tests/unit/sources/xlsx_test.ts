import assert from "node:assert/strict";
import { columnLetters, columnNumber, parseRange } from "../../../src/sources/xlsx/cell_place.ts";
import { meaningOfFormat, serialText } from "../../../src/sources/xlsx/number_format.ts";
import { type SheetRow, Workbook } from "../../../src/sources/xlsx/workbook.ts";
import { streamElements, stringText } from "../../../src/sources/xlsx/xml_text.ts";
import { ZipError, ZipFile } from "../../../src/sources/xlsx/zip_file.ts";
import { TempDir } from "../../support/temp_dir.ts";
import { workbookOf, type WorkbookParts, zipOf } from "../../support/workbook.ts";

Deno.test("columns are counted in letters", () => {
  for (
    const [letters, n] of [["A", 0], ["Z", 25], ["AA", 26], ["AZ", 51], ["XFD", 16383]] as const
  ) {
    assert.equal(columnNumber(letters), n);
    assert.equal(columnLetters(n), letters);
  }
});

Deno.test("parseRange() reads cells, what begins with a cell, and columns", () => {
  assert.deepEqual(parseRange("$B$3:F200"), {
    firstRow: 2,
    lastRow: 199,
    firstColumn: 1,
    lastColumn: 5,
  });
  assert.deepEqual([parseRange("B3")?.firstRow, parseRange("B3")?.lastRow], [2, 1_048_575]);
  assert.deepEqual([parseRange("b:f")?.firstColumn, parseRange("b:f")?.lastColumn], [1, 5]);
  for (const text of ["", "B", "3", "B0:C1", "C1:B1", "B2:C1", "B:C3", "A1:XFE1", "A1:A1048577"]) {
    assert.equal(parseRange(text), null, text);
  }
});

Deno.test("meaningOfFormat() tells dates, times and numbers apart", () => {
  const cases: readonly [number, string | null, string][] = [
    [0, null, "number"],
    [14, null, "date"],
    [22, null, "datetime"],
    [20, null, "time"],
    [46, null, "number"],
    [164, "yyyy-mm-dd", "date"],
    [164, "[$-409]d-mmm-yy;@", "date"],
    [164, "mmmm", "date"],
    [164, "yyyy\\-mm\\-dd\\ hh:mm:ss.000", "datetime"],
    [164, "h:mm AM/PM", "time"],
    [164, "mm:ss", "time"],
    [164, "[h]:mm:ss", "number"],
    [164, '0.00 "days"', "number"],
    [164, "[Red]#,##0", "number"],
    [164, "General", "number"],
    [164, "0.00E+00", "number"],
    [164, "[>=100]0;d", "number"],
  ];
  for (const [id, code, meaning] of cases) {
    assert.equal(meaningOfFormat(id, code), meaning, `${code}`);
  }
});

Deno.test("serialText() gives days as Excel shows them, before and after its 29th of February 1900", () => {
  const day = (serial: number, since1904 = false) => serialText(serial, "date", since1904).text;
  assert.equal(day(1), "1900-01-01");
  assert.equal(day(59), "1900-02-28");
  assert.equal(day(61), "1900-03-01");
  assert.equal(day(46053), "2026-01-31");
  assert.equal(day(2958465), "9999-12-31");
  assert.equal(day(0, true), "1904-01-01");
  assert.deepEqual(serialText(46053.5, "date", false), {
    text: "2026-01-31 12:00:00.000",
    meaning: "datetime",
  });
  // A double cannot hold a thirtieth of a second exactly; the millisecond it can.
  assert.equal(
    serialText(46053 + 1 / 86_400_000, "datetime", false).text,
    "2026-01-31 00:00:00.001",
  );
  assert.deepEqual(serialText(0.999988425925926, "time", false), {
    text: "23:59:59.000",
    meaning: "time",
  });
  assert.equal(serialText(1.5, "time", false).meaning, "datetime");
});

Deno.test("stringText() joins runs, leaves out how they sound and undoes escapes", () => {
  const text = stringText(
    '<r><t xml:space="preserve">a &amp;</t></r><rPh><t>no</t></rPh><r><t> b_x000D_&#x1F600;_x005F_x0041_</t></r>',
  );
  assert.equal(text, "a & b\r😀_x0041_");
});

Deno.test("streamElements() finds elements however the text is cut", async () => {
  const xml =
    '<d><row r="1"><c>1</c></row><row r="2"/><x:row r="3" a=">"></x:row><rows/></sheetData><row/>';
  for (let size = 1; size < 12; size++) {
    const pieces = async function* () {
      for (let at = 0; at < xml.length; at += size) yield xml.slice(at, at + size);
    };
    const found: string[] = [];
    for await (const { tag, inner } of streamElements(pieces(), "row", "sheetData")) {
      found.push(`${tag.trim().slice(0, 5)}|${inner.slice(0, 12)}`);
    }
    assert.equal(found.length, 3, `pieces of ${size}`);
    assert.equal(found[0], 'r="1"|<c>1</c>');
  }
});

async function sheet(parts: WorkbookParts): Promise<SheetRow[]> {
  using dir = new TempDir();
  using workbook = await Workbook.open(dir.write("b.xlsx", workbookOf(parts)));
  return await Array.fromAsync(workbook.rows(workbook.sheets[0]!));
}

Deno.test("Workbook reads every kind of cell, also without places", async () => {
  const rows = await sheet({
    rows: '<row><c t="s"><v>1</v></c><c><v>-0</v></c><c t="b"><v>1</v></c></row>' +
      '<row r="5"><c r="C5" s="1"><v>1</v></c><c t="str"><f>A1&amp;""</f><v>x &lt;</v></c>' +
      '<c t="e"><v>#N/A</v></c><c><f>1+1</f></c><c t="d"><v>2026-01-31T10:00:00</v></c><c s="1"/></row>',
    strings: "<si><t>no</t></si><si><t>yes</t></si>",
    styles: '<numFmts><numFmt numFmtId="170" formatCode="yyyy"/></numFmts>' +
      '<cellXfs><xf numFmtId="0"/><xf numFmtId="170"/></cellXfs>',
    properties: 'date1904="1"',
  });
  assert.deepEqual(rows, [
    {
      row: 0,
      cells: [
        { column: 0, kind: "text", text: "yes" },
        { column: 1, kind: "number", text: "0" },
        { column: 2, kind: "boolean", text: "true" },
      ],
    },
    {
      row: 4,
      cells: [
        { column: 2, kind: "date", text: "1904-01-02" },
        { column: 3, kind: "text", text: "x <" },
        { column: 4, kind: "error", text: "#N/A" },
        { column: 5, kind: "formula", text: "" },
        { column: 6, kind: "datetime", text: "2026-01-31 10:00:00" },
      ],
    },
  ]);
});

Deno.test("Workbook and ZipFile refuse what is none", async () => {
  using dir = new TempDir();
  const open = (bytes: Uint8Array) => Workbook.open(dir.write("b.xlsx", bytes));
  await assert.rejects(() => open(zipOf({ "word/document.xml": "" })), ZipError);
  await assert.rejects(
    () => open(zipOf({ "_rels/.rels": "<Relationships/>" })),
    /holds no workbook/,
  );
  await assert.rejects(() => open(new Uint8Array(10)), /no ZIP file/);
  await assert.rejects(
    () => sheet({ rows: "<row><c><v>1,5</v></c></row>" }),
    /says that "1,5" is a number/,
  );
  using zip = new ZipFile(dir.write("z.zip", zipOf({ a: "text" })));
  assert.equal(await zip.wholeText("a"), "text");
  await assert.rejects(() => zip.wholeText("b"), /has no b/);
});
