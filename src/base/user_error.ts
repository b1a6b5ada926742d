import type { Diagnostic } from "./diagnostic.ts";

/**
 * What kind of "no" an error is. It decides the exit code (`cli/exit_codes.ts`):
 * `usage` 2, `validation` 3, `execution` 4, `dependency` 5, `security` 6, `interrupted` 130.
 */
export type ErrorKind =
  | "usage"
  | "validation"
  | "execution"
  | "dependency"
  | "security"
  | "interrupted";

/** Everything about a {@linkcode UserError} besides its message. */
export interface UserErrorOptions {
  /** Stable machine name, `snake_case`; also the JSON field `code`. */
  readonly code: string;
  readonly kind: ErrorKind;
  /** What to do next; a command stands alone on its line so that it can be copied. */
  readonly hint?: string | undefined;
  /** All problems, when the error stands for several (a project that does not load). */
  readonly diagnostics?: readonly Diagnostic[] | undefined;
  readonly cause?: unknown;
}

/**
 * An error that the person at the keyboard can act on. Anything else that is
 * thrown is a bug in seeknal and is reported as one.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly code: string;
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly diagnostics: readonly Diagnostic[];

  constructor(message: string, options: UserErrorOptions) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = options.code;
    this.kind = options.kind;
    this.hint = options.hint;
    this.diagnostics = options.diagnostics ?? [];
  }
}
