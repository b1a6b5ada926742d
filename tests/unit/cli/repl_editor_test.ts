import assert from "node:assert/strict";
import {
  type EditedText,
  editText,
  EMPTY_TEXT,
  moveLine,
} from "../../../src/cli/repl/edit_text.ts";
import { readDotCommand } from "../../../src/cli/repl/dot_commands.ts";
import { History } from "../../../src/cli/repl/history.ts";
import { KeyQueue } from "../../../src/cli/repl/key_queue.ts";
import { KeyDecoder } from "../../../src/cli/repl/keys.ts";
import { type Completion, LineEditor } from "../../../src/cli/repl/line_editor.ts";
import { styleFor } from "../../../src/cli/terminal.ts";
import { TempDir } from "../../support/temp_dir.ts";

function decode(...pieces: string[]): string[] {
  const decoder = new KeyDecoder();
  return pieces.flatMap((piece) => decoder.push(piece))
    .map(({ name, text }) => text === "" ? name : `${name}:${text}`);
}

Deno.test("KeyDecoder tells letters, keys and what is pasted", () => {
  assert.deepEqual(decode("aé😀"), ["char:a", "char:é", "char:😀"]);
  assert.deepEqual(decode("\x1b[A\x1b[1;5D\x03\x7f\r\t"), [
    "up",
    "word-left",
    "ctrl-c",
    "backspace",
    "enter",
    "tab",
  ]);
  assert.deepEqual(decode("\x1b[200~SELECT\r\n1;\x1b[201~\r"), ["paste:SELECT\n1;", "enter"]);
});

Deno.test("KeyDecoder waits for the rest of a key that comes in pieces", () => {
  assert.deepEqual(decode("\x1b[", "A"), ["up"]);
  assert.deepEqual(decode("\x1b[200~a", "b\x1b[20", "1~c"), ["paste:ab", "char:c"]);
  assert.deepEqual(decode("\x1b[99;9X"), []);
});

/** `ab|c`: the bar is the cursor. */
function at(text: string): EditedText {
  const cursor = text.indexOf("|");
  return { ...EMPTY_TEXT, text: text.replace("|", ""), cursor };
}

function shown({ text, cursor }: EditedText): string {
  return `${text.slice(0, cursor)}|${text.slice(cursor)}`;
}

for (
  const [before, key, after] of [
    ["ab|c", "left", "a|bc"],
    ["|ab", "left", "|ab"],
    ["a|👩‍👩‍👧b", "right", "a👩‍👩‍👧|b"],
    ["ae\u0301|x", "backspace", "a|x"],
    ["a|bc", "delete", "a|c"],
    ["ab\ncd|e", "ctrl-a", "ab\n|cde"],
    ["ab\nc|de\nf", "end", "ab\ncde|\nf"],
    ["select foo_bar|", "ctrl-w", "select |"],
    ["select foo, | x", "ctrl-w", "select | x"],
    ["ab c|d\nx", "ctrl-k", "ab c|\nx"],
    ["ab\nc d|e", "ctrl-u", "ab\n|e"],
    ["foo bar|", "word-left", "foo |bar"],
    ["|foo bar", "word-right", "foo| bar"],
  ] as const
) {
  Deno.test(`editText() makes ${JSON.stringify(after)} of ${JSON.stringify(before)} by ${key}`, () => {
    assert.equal(shown(editText(at(before), { name: key, text: "" })!), after);
  });
}

Deno.test("editText() puts back what was cut", () => {
  const cut = editText(at("ab cd|"), { name: "ctrl-w", text: "" })!;
  assert.equal(shown(editText(cut, { name: "ctrl-y", text: "" })!), "ab cd|");
  assert.equal(editText(cut, { name: "f12", text: "" }), null);
});

Deno.test("moveLine() keeps the place in the line, as far as the line goes", () => {
  assert.equal(shown(moveLine(at("abcd\nef\nghij|"), -1)!), "abcd\nef|\nghij");
  assert.equal(shown(moveLine(at("ab|cd\ne"), 1)!), "abcd\ne|");
  assert.equal(moveLine(at("ab|c"), -1), null);
  assert.equal(moveLine(at("ab|c"), 1), null);
});

/** Types into an editor; what it read, line by line, and what it wrote. */
async function type(
  keys: readonly string[],
  options: { history?: string[]; complete?: (text: string, cursor: number) => Completion } = {},
): Promise<{ read: string[]; screen: string }> {
  const left = [...keys];
  const queue = new KeyQueue({
    read: () => Promise.resolve(left.shift() ?? null),
    [Symbol.dispose]: () => {},
  });
  let screen = "";
  const editor = new LineEditor({
    write: (text) => screen += text,
    width: () => 40,
    style: styleFor(false),
    history: () => options.history ?? [],
    isComplete: (text) => text.endsWith(";"),
    complete: options.complete ?? (() => ({ start: 0, candidates: [] })),
  });
  const read: string[] = [];
  for (;;) {
    const result = await editor.read("> ", queue);
    read.push(result.type === "text" ? result.text : result.type);
    if (result.type === "end") return { read, screen };
  }
}

Deno.test("LineEditor reads until what is typed is complete, and goes on after Ctrl-C", async () => {
  const { read } = await type(["SELECT 1\r", "+ 2;\r", "nonsense\x03", "x;\r", "\x04"]);
  assert.deepEqual(read, ["SELECT 1\n+ 2;", "cancelled", "x;", "end"]);
});

Deno.test("LineEditor finds in the history what begins with what was typed", async () => {
  const history = ["select a;", "from x;", "select b;"];
  const { read } = await type(["sel\x1b[A\x1b[A\r", "\x1b[A\x1b[A\x1b[B\r", "\x04"], { history });
  assert.deepEqual(read, ["select a;", "select b;", "end"]);
});

Deno.test("LineEditor searches the history by Ctrl-R, older ones by another, and gives up on Escape", async () => {
  const history = ["select a from x;", "from y;", "select b from y;"];
  const { read } = await type(
    [
      "\x12fr\r\r",
      "\x12from y\x12\r\r",
      "1;\x12sel",
      "\x1b",
      "\r",
      "\x12nowhere\r\x15z;\r",
      "\x04",
    ],
    { history },
  );
  assert.deepEqual(read, ["select b from y;", "from y;", "1;", "z;", "end"]);
});

Deno.test("LineEditor completes as far as all candidates agree, then lists them", async () => {
  const complete = (text: string) => ({
    start: text.lastIndexOf(" ") + 1,
    candidates: ["orders", "orders_daily"].filter((n) => n.startsWith(text.split(" ").at(-1)!)),
  });
  const { read, screen } = await type(["from o\t\t;\r", "\x04"], { complete });
  assert.equal(read[0], "from orders;");
  assert.match(screen, /orders {8}orders_daily/);
});

Deno.test("readDotCommand() reads commands, leaves SQL and names what is misspelt", () => {
  assert.deepEqual(readDotCommand(" .schema  transform.a ; "), {
    name: "schema",
    rest: "transform.a",
  });
  assert.deepEqual(readDotCommand("exit;"), { name: "quit", rest: "" });
  assert.equal(readDotCommand("SELECT .5"), null);
  assert.throws(() => readDotCommand("\\d orders"), /"\\d" is a command of psql/);
  assert.throws(() => readDotCommand(".tabels"), /Unknown command ".tabels"/);
  assert.throws(() => readDotCommand(".tabels"), { hint: 'did you mean ".tables"?' });
});

Deno.test("History is there in the next session, for its owner only, and bounded", () => {
  using dir = new TempDir();
  const first = new History(dir.path);
  first.add("SELECT 1\nFROM x;");
  first.add("SELECT 1\nFROM x;");
  assert.deepEqual(new History(dir.path).entries, ["SELECT 1\nFROM x;"]);
  const many = Array.from({ length: 1_005 }, (_, i) => JSON.stringify(`SELECT ${i};`)).join("\n");
  dir.write("repl_history", many);
  new History(dir.path).add("SELECT 'last';");
  const again = new History(dir.path);
  assert.equal(again.entries.length, 1_000);
  assert.equal(again.entries.at(-1), "SELECT 'last';");
  assert.equal(Deno.statSync(dir.join("repl_history")).mode! & 0o777, 0o600);
  dir.write("repl_history", 'no json\n"SELECT 7;"\n');
  assert.deepEqual(new History(dir.path).entries, ["SELECT 7;"]);
});
