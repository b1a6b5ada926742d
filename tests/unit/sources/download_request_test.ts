import assert from "node:assert/strict";
import type { ParamValue } from "../../../src/model/node.ts";
import { parseDownload, shownUrl } from "../../../src/sources/download_request.ts";
import { declaredType } from "../../../src/sources/sqlite_reader.ts";

function parse(table: string | null, params: Record<string, ParamValue> = {}) {
  return parseDownload({ table, params, columnTypes: {} });
}

Deno.test("parseDownload() takes the format from the address, and options of the file apart from its own", () => {
  const request = parse("https://host/a.CSV.gz?x=1", {
    delimiter: ";",
    timeout: "2m",
    max_size: "1GB",
  });
  assert.ok("format" in request);
  assert.equal(request.format.name, "csv");
  assert.deepEqual(request.params, { delimiter: ";" });
  assert.deepEqual([request.timeoutMs, request.maxBytes, request.retries], [120_000, 1e9, 2]);
});

Deno.test("parseDownload() says what is wrong, and where", () => {
  const cases: readonly [string | null, Record<string, ParamValue>, string, RegExp][] = [
    [null, {}, "params.url", /no address/],
    ["ftp://host/a.csv", {}, "table", /no address/],
    ["https://me:pw@host/a.csv", {}, "table", /holds a user or a password/],
    ["https://host/a.csv", { url: "https://host/b.csv" }, "params.url", /written twice/],
    ["https://host/data", {}, "table", /does not tell the format/],
    ["https://host/data", { format: "xml" }, "params.format", /Unknown format "xml"/],
    [
      "https://host/a.parquet",
      { delimiter: ";" },
      "params.delimiter",
      /parquet file has no parameter/,
    ],
    ["https://host/a.csv", { checksum: "md5:1" }, "params.checksum", /no checksum/],
    ["https://host/a.csv", { timeout: "soon" }, "params.timeout", /no length of time/],
    ["https://host/a.csv", { max_size: "big" }, "params.max_size", /no size/],
    ["https://host/a.csv", { retries: 99 }, "params.retries", /from 0 to 10/],
    ["https://host/a.csv", { headers: { "a b": "x" } }, "params.headers", /no name of a header/],
  ];
  for (const [table, params, path, message] of cases) {
    const problem = parse(table, params);
    assert.ok("message" in problem, String(message));
    assert.match(problem.message, message);
    assert.equal(problem.path.join("."), path);
    assert.ok(!problem.message.includes("pw@"), "a password is not shown");
  }
});

Deno.test("shownUrl() leaves out what may be secret", () => {
  assert.equal(shownUrl("https://host/a.csv?key=secret#x"), "https://host/a.csv");
});

Deno.test("declaredType() reads what SQLite declarations mean", () => {
  const cases: Readonly<Record<string, string | null>> = {
    INTEGER: "BIGINT",
    "unsigned big int": "BIGINT",
    "VARCHAR(20)": "VARCHAR",
    "DECIMAL(10, 2)": "DECIMAL(10,2)",
    "numeric(4)": "DECIMAL(4,0)",
    "DECIMAL(99,2)": null,
    NUMERIC: null,
    "": null,
    DATE: "DATE",
    DATETIME: "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    BOOL: "BOOLEAN",
    "DOUBLE PRECISION": "DOUBLE",
    "FLOATING POINT": "DOUBLE",
    POINT: null,
    BLOB: "BLOB",
  };
  for (const [declaration, type] of Object.entries(cases)) {
    assert.equal(declaredType(declaration), type, declaration);
  }
  assert.equal(declaredType(null), null);
});
