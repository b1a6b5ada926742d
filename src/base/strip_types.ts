import { stripTypeScriptTypes } from "node:module";

/**
 * TypeScript as JavaScript. Every character that stays keeps its place, unless the code has what is
 * more than types (enums, namespaces, parameter properties). Throws a `SyntaxError` that names the line.
 */
export function stripTypes(code: string): string {
  try {
    return stripTypeScriptTypes(code, { mode: "strip" });
  } catch (error) {
    if (!isUnsupported(error)) throw plainSyntaxError(error);
  }
  try {
    return stripTypeScriptTypes(code, { mode: "transform", sourceMap: false });
  } catch (error) {
    throw plainSyntaxError(error);
  }
}

function isUnsupported(error: unknown): boolean {
  return error instanceof Error &&
    (("code" in error && error.code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") ||
      /not supported in strip-only mode/.test(error.message));
}

/** A problem of the syntax with its place. */
export class CodeSyntaxError extends SyntaxError {
  /** 1-based. */
  readonly line: number;
  readonly column: number;

  constructor(message: string, line: number, column: number) {
    super(message);
    this.line = line;
    this.column = column;
  }
}

/** The message begins with what is wrong and ends with the place; between them is a picture of the line. */
function plainSyntaxError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const [first = ""] = error.message.split("\n");
  const place = /:(\d+):(\d+)\s*$/.exec(error.message);
  const message = first.replace(/^(SyntaxError: )+/, "");
  return new CodeSyntaxError(message, Number(place?.[1] ?? 1), Number(place?.[2] ?? 1));
}
