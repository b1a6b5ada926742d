import { quoteList, quoteName, quoteText } from "../engine/quote.ts";
import type { Scalar } from "../base/field_reader.ts";
import type { ParamValue } from "../model/node.ts";
import { filenameColumn, type ScanRequest, type ScanType } from "./source_type.ts";

/** `SELECT * FROM read_csv([…], …)` for files and options; paths as they are given. */
export function scanSql(type: ScanType, request: ScanRequest): string {
  // Folders named key=value above a file are not data unless the author says so.
  const partitions = "hive_partitioning" in request.params ? [] : ["hive_partitioning = false"];
  const options = [...type.fixed, ...partitions];
  for (const name of Object.keys(request.params).sort()) {
    if (name === "filename") continue;
    const option = type.params[name]?.option ?? name;
    options.push(`${option} = ${literal(request.params[name]!)}`);
  }
  const fileColumn = filenameColumn(request.params);
  if (fileColumn !== null) options.push(`filename = ${quoteText(fileColumn)}`);
  const types = Object.entries(request.columnTypes);
  if (type.typesOption !== null && types.length > 0) {
    options.push(`${type.typesOption} = ${literal(Object.fromEntries(types))}`);
  }
  const casts = type.typesOption === null
    ? types.map(([name, to]) => `CAST(${quoteName(name)} AS ${to}) AS ${quoteName(name)}`)
    : [];
  if (fileColumn !== null && request.root !== null) {
    const name = quoteName(fileColumn);
    // Where a project lies is no part of its data.
    casts.push(`substr(${name}, ${[...request.root].length + 2}) AS ${name}`);
  }
  const columns = casts.length === 0 ? "*" : `* REPLACE (${casts.join(", ")})`;
  return `SELECT ${columns} FROM ${type.reader}(${
    [quoteList(request.files), ...options].join(", ")
  })`;
}

function literal(value: ParamValue): string {
  if (isList(value)) return `[${value.map(scalarLiteral).join(", ")}]`;
  if (value === null || typeof value !== "object") return scalarLiteral(value);
  const entries = Object.entries(value).map(([k, v]) => `${quoteName(k)}: ${scalarLiteral(v)}`);
  return `{${entries.join(", ")}}`;
}

function isList(value: ParamValue): value is readonly Scalar[] {
  return Array.isArray(value);
}

function scalarLiteral(value: Scalar): string {
  if (value === null) return "NULL";
  return typeof value === "string" ? quoteText(value) : String(value);
}
