import { DOWNLOAD_PARAMS, parseDownload } from "./download_request.ts";
import type { TableSourceType } from "./table_source.ts";

/** Files of web servers. */
export const HTTP_SOURCE: TableSourceType = {
  name: "http",
  summary: "A file of a web server (http, https)",
  params: DOWNLOAD_PARAMS,
  quiet: ["checksum", "headers", "timeout", "retries", "max_size"],
  problem: (read) => {
    const request = parseDownload(read);
    return "message" in request ? request : null;
  },
  hasTypes: (read) => {
    const request = parseDownload(read);
    return "format" in request && request.format.isParquet;
  },
  open: async (_connection, context) => new (await import("./http_reader.ts")).HttpReader(context),
  read: async (job, outPath, session) => {
    const { readDownload } = await import("./http_reader.ts");
    return await readDownload(job, outPath, session);
  },
};
