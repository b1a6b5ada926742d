/** Where words go and answers come from. Only the CLI holds one. */
export interface Terminal {
  /** Results. */
  out(text: string): void;
  /** Everything else: progress, warnings, questions, errors. */
  err(text: string): void;
  /** True when a person can answer. */
  readonly canAsk: boolean;
  /** True when stderr is a screen that can be redrawn. */
  readonly isScreen: boolean;
  readonly colorOut: boolean;
  readonly colorErr: boolean;
  /** Characters in a line of the screen. */
  readonly width: number;
  /** Asks on the terminal; false for anything but yes. */
  confirm(question: string): boolean;
  /** Asks for one of the numbered options until one is given; its index. Null when the input ends. */
  choose(question: string, options: readonly string[]): number | null;
  /** All of stdin as text. */
  readInput(): Promise<string>;
}

/** Colours and weights by meaning; without colour every one is the text itself. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/** The style for a stream. */
export function styleFor(color: boolean): Style {
  const paint = (code: number) => (text: string) =>
    color && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text;
  return {
    bold: paint(1),
    dim: paint(2),
    red: paint(31),
    green: paint(32),
    yellow: paint(33),
    cyan: paint(36),
  };
}
