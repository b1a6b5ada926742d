/** Facts at the end of a commit message, in order: `Key: value`. */
export type Trailers = Readonly<Record<string, string>>;

/** A commit message taken apart. */
export interface CommitMessage {
  readonly subject: string;
  readonly body: string;
  readonly trailers: Trailers;
}

const TRAILER_REGEXP = /^([A-Za-z][A-Za-z0-9-]*):(?: (.*))?$/;

/** Writes subject, body and trailers as one message, in the form `git interpret-trailers` understands. */
export function formatMessage(message: CommitMessage): string {
  const trailers = Object.entries(message.trailers)
    .map(([key, value]) => `${key}: ${value.replace(/\s+/g, " ").trim()}`);
  return [message.subject, message.body.trim(), trailers.join("\n")]
    .filter((part) => part !== "").join("\n\n") + "\n";
}

/** Takes a message apart. The last paragraph holds trailers when every line of it is one. */
export function parseMessage(text: string): CommitMessage {
  const paragraphs = text.trim().split(/\n{2,}/);
  const last = paragraphs.length > 1 ? paragraphs.at(-1)!.split("\n") : [];
  const matches = last.map((line) => TRAILER_REGEXP.exec(line));
  const hasTrailers = matches.length > 0 && matches.every((match) => match !== null);
  return {
    subject: paragraphs[0] ?? "",
    body: paragraphs.slice(1, hasTrailers ? -1 : undefined).join("\n\n"),
    trailers: hasTrailers
      ? Object.fromEntries(matches.map((match) => [match![1]!, match![2] ?? ""]))
      : {},
  };
}
