/** What is wrong with a script, in words for its author. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
  readonly hint: string | null;

  constructor(message: string, hint: string | null = null) {
    super(message);
    this.hint = hint;
  }
}
