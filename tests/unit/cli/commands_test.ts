import assert from "node:assert/strict";
import { commandsOf } from "../../../src/cli/command_files.ts";
import { COMMANDS } from "../../../src/cli/commands/registry.ts";

Deno.test("commandsOf() loads the very verbs of the registry by their first word", async () => {
  const words = new Set(COMMANDS.map(({ name }) => name.split(" ")[0]!));
  words.delete("__complete"); // it needs all of them
  for (const word of words) {
    const registered = COMMANDS.filter(({ name }) => name.split(" ")[0] === word);
    assert.deepEqual(new Set(await commandsOf(word)), new Set(registered), word);
  }
});

Deno.test("commandsOf() leaves help and words that are none to the registry", async () => {
  for (const word of [undefined, "help", "--help", "nope", "__complete", "constructor"]) {
    assert.equal(await commandsOf(word), null, String(word));
  }
});
