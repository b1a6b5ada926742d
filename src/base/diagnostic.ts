/** One problem found in the user's project, with the place to look at. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  /** Stable machine name, `snake_case`. */
  readonly code: string;
  readonly message: string;
  /** Project-relative path; absent when the problem belongs to no file. */
  readonly file?: string | undefined;
  /** 1-based. */
  readonly line?: number | undefined;
  /** 1-based. */
  readonly column?: number | undefined;
  /** The change that brought the problem about, where it lies somewhere else. */
  readonly cause?: string | undefined;
  /** What to write instead, or the command to type. */
  readonly hint?: string | undefined;
}

/** A place in a project file; lines and columns are 1-based. */
export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Orders diagnostics by file, line, column, then code, so that output never depends on luck. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort((a, b) =>
    compareText(a.file ?? "", b.file ?? "") ||
    (a.line ?? 0) - (b.line ?? 0) ||
    (a.column ?? 0) - (b.column ?? 0) ||
    compareText(a.code, b.code) ||
    compareText(a.message, b.message)
  );
}

/** Byte-wise string order: the same on every machine, unlike a locale's. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
