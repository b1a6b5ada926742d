import { dirname, extname, posix } from "node:path";
import { copyAtomic, removeIfExists, temporaryName } from "../base/atomic_write.ts";
import { didYouMean } from "../base/closest.ts";
import type { FieldReader } from "../base/field_reader.ts";
import { UserError } from "../base/user_error.ts";
import { quoteText, readParquet } from "../engine/quote.ts";
import { openSession } from "../engine/registry.ts";
import { SqlError } from "../engine/session.ts";
import type { Delivery, ExposureInput, ExposureSettings, ExposureType } from "./exposure_type.ts";
import { finiteColumns } from "./json_rows.ts";

const FORMATS = ["csv", "parquet", "json", "jsonl"] as const;
type Format = (typeof FORMATS)[number];

const OPTIONS: Readonly<Record<Exclude<Format, "parquet">, string>> = {
  csv: "FORMAT csv, HEADER",
  json: "FORMAT json, ARRAY true",
  jsonl: "FORMAT json, ARRAY false",
};

/** Where files of exposures go unless they say otherwise. */
export const EXPORTS_DIR = "target/exports";

/** A file of the project, replaced as a whole: whoever reads it finds the old rows or the new ones. */
export const FILE: ExposureType = {
  name: "file",
  summary: "A file: CSV, Parquet, JSON or JSON lines",
  inputs: "one",
  parse,
  target: ({ path }) => String(path),
  deliver,
};

function parse(params: FieldReader, { name }: { readonly name: string }): ExposureSettings | null {
  const written = params.optionalText("path");
  const asked = params.optionalText("format")?.toLowerCase() ?? null;
  const ending = written === null ? "" : extname(written).slice(1).toLowerCase();
  const chosen = asked ?? (ending === "" ? "csv" : ending);
  const format = FORMATS.find((one) => one === chosen);
  if (format === undefined) {
    const hint = didYouMean(chosen, FORMATS) ?? `write format: ${FORMATS.join(" | ")}`;
    params.problem(
      [asked === null ? "path" : "format"],
      "wrong_value",
      `Unknown format "${chosen}"`,
      hint,
    );
    return null;
  }
  const path = posix.normalize(written ?? `${EXPORTS_DIR}/${name}.${format}`);
  const why = pathProblem(path);
  if (why === null) return { format, path };
  const hint = `write path: ${EXPORTS_DIR}/${name}.${format}`;
  params.problem(["path"], "exposure_path", `Cannot write "${written}": ${why}`, hint);
  return null;
}

/** Files that are the project's own, or Seeknal's. */
function pathProblem(path: string): string | null {
  if (/\{\{|\$\{/.test(path)) {
    return "variables are not filled in: environments have files of their own anyway";
  }
  // deno-lint-ignore no-control-regex -- these are what it looks for
  if (/[\x00-\x1f\x7f]/.test(path)) return "it has a control character in it";
  if (path.includes("\\")) return "folders are separated by /";
  if (posix.isAbsolute(path) || /^[A-Za-z]:/.test(path)) return "it is no path of the project";
  const [first, second] = path.toLowerCase().split("/");
  if (first === "..") return "it leads out of the project";
  if (path.endsWith("/") || path === ".") return "it is a folder";
  if (first!.startsWith(".")) return "hidden files are not touched";
  if (first === "seeknal" || /^(seeknal_project|profiles.*)\.ya?ml$/.test(first!)) {
    return "the project's own files are there";
  }
  return first === "target" && second !== "exports" ? "Seeknal keeps its state there" : null;
}

async function deliver(delivery: Delivery): Promise<number> {
  const { settings, inputs: [input], filePath } = delivery;
  const format = settings["format"] as Format;
  const path = filePath(String(settings["path"]));
  if (path === null) {
    throw failed(
      `${settings["path"]} leads out of the project`,
      "remove the link that it goes through",
    );
  }
  try {
    if (format === "parquet") copyAtomic(input!.path, path);
    else await writeRows(input!, path, format);
  } catch (error) {
    if (error instanceof SqlError || isFromSystem(error)) {
      throw failed(
        `cannot write ${settings["path"]}: ${error.message}`,
        "see that the folder can be written to, and that no folder has the file's name",
      );
    }
    throw error;
  }
  return input!.rows;
}

async function writeRows(
  input: ExposureInput,
  path: string,
  format: Exclude<Format, "parquet">,
): Promise<void> {
  Deno.mkdirSync(dirname(path), { recursive: true });
  const temporary = temporaryName(path);
  using _leftover = { [Symbol.dispose]: () => removeIfExists(temporary) };
  await using session = await openSession({ allowedDirs: [dirname(input.path), dirname(path)] });
  const columns = format === "csv" ? "*" : finiteColumns(input.columns);
  await session.run(
    `COPY (SELECT ${columns} FROM ${readParquet(input.path)}) TO ${quoteText(temporary)} (${
      OPTIONS[format]
    })`,
  );
  Deno.renameSync(temporary, path);
}

/** True for what the operating system refused: a full disk, a folder in the way, missing rights. */
function isFromSystem(error: unknown): error is Error {
  return error instanceof Error && /\(os error \d+\)/.test(error.message);
}

function failed(message: string, hint: string): UserError {
  return new UserError(message, { code: "delivery_failed", kind: "execution", hint });
}
