import assert from "node:assert/strict";
import { tokenize, withoutSemicolon } from "../../../src/sql/tokens.ts";

/** Kinds and texts of all tokens but blanks. */
function cut(sql: string): string[] {
  return tokenize(sql).filter(({ kind }) => kind !== "space").map((t) => `${t.kind}:${t.text}`);
}

const CASES: readonly [what: string, sql: string, tokens: string[]][] = [
  ["a line comment up to its end", "a -- b ' c\nd", ["word:a", "comment:-- b ' c", "word:d"]],
  ["a block comment", "a/* ' \n */b", ["word:a", "comment:/* ' \n */", "word:b"]],
  ["a block comment that is never closed", "a /* b", ["word:a", "comment:/* b"]],
  ["a doubled quote in a string", "'it''s' b", ["string:'it''s'", "word:b"]],
  ["a backslash in a plain string", "'a\\' b", ["string:'a\\'", "word:b"]],
  ["a backslash in an escape string", "E'a\\'b' c", ["string:E'a\\'b'", "word:c"]],
  ["a string that is never closed", "'abc", ["string:'abc"]],
  ["a dollar string", "$$ it's $$ b", ["string:$$ it's $$", "word:b"]],
  ["a tagged dollar string", "$x$ a $$ b $x$ c", ["string:$x$ a $$ b $x$", "word:c"]],
  ["a quoted name", '"a""b" c', ['quoted:"a""b"', "word:c"]],
  ["a comment sign in a quoted name", '"a--b" c', ['quoted:"a--b"', "word:c"]],
  ["a template", "a {{ b }} c", ["word:a", "template:{{ b }}", "word:c"]],
  ["words with digits, signs and letters of any script", "größe_1$ é", ["word:größe_1$", "word:é"]],
  ["a minus that is no comment", "a - -b", ["word:a", "other:-", "other:-", "word:b"]],
];

for (const [what, sql, tokens] of CASES) {
  Deno.test(`tokenize() reads ${what}`, () => assert.deepEqual(cut(sql), tokens));
}

Deno.test("tokenize() loses nothing, whatever the text", () => {
  const pieces = [
    "'",
    '"',
    "--",
    "/*",
    "*/",
    "\n",
    "$$",
    "$a$",
    "{{",
    "}}",
    "x1",
    " ",
    "é",
    "😀",
    "\\",
    "E'",
  ];
  let seed = 7;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  for (let n = 0; n < 500; n++) {
    const sql = Array.from({ length: 12 }, () => pieces[Math.floor(random() * pieces.length)])
      .join("");
    const tokens = tokenize(sql);
    assert.equal(tokens.map(({ text }) => text).join(""), sql);
    let offset = 0;
    for (const { start, text } of tokens) {
      assert.equal(start, offset);
      offset += text.length;
    }
  }
});

Deno.test("withoutSemicolon() takes semicolons and blanks from the end only", () => {
  assert.equal(withoutSemicolon("SELECT ';' ;\n; "), "SELECT ';'");
  assert.equal(withoutSemicolon("a; b"), "a; b");
});
