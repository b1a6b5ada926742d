import type { Keyboard } from "../terminal.ts";
import { type Key, KeyDecoder } from "./keys.ts";

/** Keys in the order in which they were typed, also while nobody waits for one. */
export class KeyQueue {
  /** Called for Ctrl-C instead of queueing it. */
  onInterrupt: (() => void) | null = null;
  readonly #keyboard: Keyboard;
  readonly #decoder = new KeyDecoder();
  readonly #queue: Key[] = [];
  #isClosed = false;
  #wake: (() => void) | null = null;

  constructor(keyboard: Keyboard) {
    this.#keyboard = keyboard;
    void this.#pump();
  }

  /** The next key; null when the keyboard is gone. */
  async next(): Promise<Key | null> {
    while (this.#queue.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#queue.shift() ?? null;
  }

  async #pump(): Promise<void> {
    for (;;) {
      const piece = await this.#keyboard.read().catch(() => null);
      if (piece === null) break;
      for (const key of this.#decoder.push(piece)) {
        if (key.name === "ctrl-c" && this.onInterrupt !== null) this.onInterrupt();
        else this.#queue.push(key);
      }
      this.#wake?.();
    }
    this.#isClosed = true;
    this.#wake?.();
  }
}
