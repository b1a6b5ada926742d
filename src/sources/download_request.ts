import { isMapping } from "../base/field_reader.ts";
import { parseBytes, parseDuration } from "../base/quantities.ts";
import type { ParamValue } from "../model/node.ts";
import type { TableRead } from "../model/outside_read.ts";
import { CSV } from "./csv.ts";
import { JSON_FILES, JSON_LINES } from "./json.ts";
import { PARQUET } from "./parquet.ts";
import type { ScanType, SourceParam, SourceType } from "./source_type.ts";
import { TSV } from "./tsv.ts";

/** Types of files that are read from a web server. */
const FORMATS: readonly SourceType[] = [CSV, TSV, PARQUET, JSON_FILES, JSON_LINES];

/** Params of downloads themselves, whatever the file. */
const OWN_PARAMS: Readonly<Record<string, SourceParam>> = {
  url: { doc: "Address of the file, where table does not say it", type: "text" },
  format: { doc: "csv, tsv, parquet, json or jsonl (default: by the address)", type: "text" },
  checksum: {
    doc: "sha256:… of the file: downloaded once, and nothing else is accepted",
    type: "text",
  },
  headers: { doc: "Headers to send; ${VAR} is put in when connecting", type: "mapping" },
  timeout: { doc: "Longest time without an answer, as 30s or 5m (default: 30s)", type: "text" },
  retries: {
    doc: "Times to try again after a failure that may pass (default: 2)",
    type: "integer",
  },
  max_size: {
    doc: "Largest file that is downloaded, as 500MB or 10GB (default: 10GB)",
    type: "text",
  },
};

/** Params of downloads and of all types of files that can be downloaded. */
export const DOWNLOAD_PARAMS: Readonly<Record<string, SourceParam>> = {
  ...Object.assign({}, ...FORMATS.map(({ params }) => fileParams(params))),
  ...OWN_PARAMS,
};

/** Params of a type of file, without what only many files need. */
function fileParams(params: ScanType["params"]): ScanType["params"] {
  const { filename: _1, union_by_name: _2, hive_partitioning: _3, format: _4, ...rest } = params;
  return rest;
}

/** A download as a node asks for it. `${VAR}` in address and headers is not put in yet. */
export interface DownloadRequest {
  readonly url: string;
  readonly format: ScanType;
  /** Hex SHA-256 of the file; null where the node pins none. */
  readonly sha256: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly maxBytes: number;
  /** Options of the type of file. */
  readonly params: Readonly<Record<string, ParamValue>>;
}

/** Why a download is not one that can be made. */
export interface DownloadProblem {
  readonly path: readonly string[];
  readonly message: string;
  readonly hint: string;
}

/** What a node asks for, or why that cannot be. */
export function parseDownload({ table, params }: TableRead): DownloadRequest | DownloadProblem {
  const wrong = (path: readonly string[], message: string, hint: string) => ({
    path,
    message,
    hint,
  });
  const url = params["url"] ?? table;
  if (table !== null && params["url"] !== undefined) {
    return wrong(
      ["params", "url"],
      "The address is written twice",
      "leave out table, or params.url",
    );
  }
  const place = table === null ? ["params", "url"] : ["table"];
  // What a variable stands for is known when connecting.
  if (typeof url !== "string" || !/^(https?:\/\/[^\s/]|\$\{)/i.test(url) || /\s/.test(url)) {
    return wrong(
      place,
      `"${url ?? ""}" is no address of a file`,
      "write https://host/path/file.csv",
    );
  }
  if (/^https?:\/\/[^/?#]*@/i.test(url)) {
    return wrong(
      place,
      "The address holds a user or a password",
      'send it in a header: headers: {Authorization: "Basic ${MY_CREDENTIALS}"}',
    );
  }
  const name = params["format"] ?? formatOf(url);
  const format = FORMATS.find((type) => type.name === name);
  if (format === undefined || !("isParquet" in format)) {
    return wrong(
      name === null ? place : ["params", "format"],
      name === null
        ? "The address does not tell the format of the file"
        : `Unknown format "${name}"`,
      `write params: {format: …}, one of: ${FORMATS.map((type) => type.name).join(", ")}`,
    );
  }
  const known = fileParams(format.params);
  const foreign = Object.keys(params)
    .find((key) => !Object.hasOwn(OWN_PARAMS, key) && !Object.hasOwn(known, key));
  if (foreign !== undefined) {
    const has = Object.keys(known).join(", ");
    return wrong(
      ["params", foreign],
      `A ${format.name} file has no parameter "${foreign}"`,
      `it has: ${has}`,
    );
  }
  const checksum = params["checksum"] ?? null;
  const sha256 = checksum === null
    ? null
    : /^sha256:([0-9a-f]{64})$/i.exec(String(checksum))?.[1]?.toLowerCase();
  if (sha256 === undefined) {
    return wrong(
      ["params", "checksum"],
      `"${checksum}" is no checksum`,
      "write sha256: and 64 hexadecimal digits, as sha256sum FILE prints them",
    );
  }
  const timeoutMs = parseDuration(String(params["timeout"] ?? "30s"));
  if (timeoutMs === null || timeoutMs === 0) {
    return wrong(
      ["params", "timeout"],
      `"${params["timeout"]}" is no length of time`,
      "write 30s or 5m",
    );
  }
  const maxBytes = parseBytes(String(params["max_size"] ?? "10GB"));
  if (maxBytes === null) {
    return wrong(
      ["params", "max_size"],
      `"${params["max_size"]}" is no size`,
      "write 500MB or 10GB",
    );
  }
  const retries = Number(params["retries"] ?? 2);
  if (retries < 0 || retries > 10) {
    return wrong(["params", "retries"], "retries is from 0 to 10", "write retries: 2");
  }
  const headers = params["headers"] ?? {};
  if (!isMapping(headers)) {
    return wrong(
      ["params", "headers"],
      "headers is a mapping",
      "write headers: {Accept: text/csv}",
    );
  }
  const badName = Object.keys(headers).find((key) => !/^[\w!#$%&'*+.^`|~-]+$/.test(key));
  if (badName !== undefined) {
    return wrong(
      ["params", "headers"],
      `"${badName}" is no name of a header`,
      "write one such as Accept",
    );
  }
  return {
    url,
    format,
    sha256,
    headers: Object.fromEntries(
      Object.entries(headers).map(([key, value]) => [key, String(value)]),
    ),
    timeoutMs,
    retries,
    maxBytes,
    params: Object.fromEntries(
      Object.entries(params).filter(([key]) => !Object.hasOwn(OWN_PARAMS, key)),
    ),
  };
}

/** Name of the type whose files end as the path of an address does; null where none do. */
function formatOf(url: string): string | null {
  const path = url.replace(/[?#].*$/, "").toLowerCase();
  return FORMATS.find(({ extensions }) => extensions.some((end) => path.endsWith(end)))?.name ??
    null;
}

/** An address as messages show it, without what may be secret: its query. */
export function shownUrl(url: string): string {
  return url.replace(/[?#].*$/s, "");
}
