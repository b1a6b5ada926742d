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
  /** Characters in a line of the screen that results go to; null where they go to a file or a pipe. */
  readonly outWidth: number | null;
  /** Asks on the terminal; false for anything but yes. */
  confirm(question: string): boolean;
  /** Asks for one of the numbered options until one is given; its index. Null when the input ends. */
  choose(question: string, options: readonly string[]): number | null;
  /** All of stdin as text. */
  readInput(): Promise<string>;
  /** Takes over the keyboard until it is disposed of; null where there is no terminal to type on. */
  takeKeyboard(): Keyboard | null;
}

/** A keyboard that gives what is typed at once, Ctrl-C included. */
export interface Keyboard extends Disposable {
  /** What was typed or pasted since; null at its end. */
  read(): Promise<string | null>;
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

/**
 * Colours as the 256 colours of terminals number them: each has a contrast of at least 3.8 on black and on
 * white, which the 16 that themes choose do not have (yellow and cyan on white, red on black).
 */
export const COLORS = { red: 160, green: 28, yellow: 130, cyan: 31, grey: 243 } as const;

/** The style for a stream. */
export function styleFor(color: boolean): Style {
  const paint = (code: string) => (text: string) =>
    color && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text;
  const of = (name: keyof typeof COLORS) => paint(`38;5;${COLORS[name]}`);
  return {
    bold: paint("1"),
    dim: of("grey"),
    red: of("red"),
    green: of("green"),
    yellow: of("yellow"),
    cyan: of("cyan"),
  };
}
