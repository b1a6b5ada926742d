/** What a use case may ask of the machine it runs on. Output is not here: that is the CLI's `Terminal`. */
export interface Host {
  now(): Date;
  /** Value of an environment variable. */
  env(name: string): string | undefined;
  /** Sets environment variables for this process and what it starts; those that are set already stay. */
  addVariables(variables: Readonly<Record<string, string>>): void;
  /** Who commits. */
  readonly user: { readonly name: string; readonly email: string };
  readonly cwd: string;
  /** Absolute folder of the program's source; null for a compiled program. */
  readonly programDir: string | null;
  /** Aborts when the user asks to stop (Ctrl-C, SIGTERM). */
  readonly signal: AbortSignal;
  readonly cpuCount: number;
  readonly memoryBytes: number;
}
