import assert from "node:assert/strict";
import { type CommitMessage, formatMessage, parseMessage } from "../../../src/state/trailers.ts";

const MESSAGES: Readonly<Record<string, CommitMessage>> = {
  "a subject alone": { subject: "run dev: 2 built", body: "", trailers: {} },
  "a body": { subject: "plan dev", body: "one\ntwo\n\nthree", trailers: {} },
  "trailers": { subject: "run", body: "", trailers: { "Seeknal-Action": "run", Plan: "abc" } },
  "all parts": { subject: "run", body: "text", trailers: { "Nodes-Built": "3" } },
  "a body that looks like trailers": { subject: "x", body: "Key: value", trailers: { A: "b" } },
  "a value with a colon": { subject: "x", body: "", trailers: { Note: "a: b: c" } },
  "an empty value at the end": { subject: "x", body: "", trailers: { A: "b", Note: "" } },
  "text of any script": { subject: "größe 名前", body: "é", trailers: { By: "Åse <a@b.no>" } },
};

for (const [what, message] of Object.entries(MESSAGES)) {
  Deno.test(`parseMessage() reads back what formatMessage() wrote: ${what}`, () => {
    assert.deepEqual(parseMessage(formatMessage(message)), message);
  });
}

Deno.test("formatMessage() keeps a value on one line, so that it cannot forge a trailer", () => {
  const text = formatMessage({
    subject: "x",
    body: "",
    trailers: { Reason: "fine\nApproved-By: mallory\n\nApproved-By: mallory" },
  });
  assert.deepEqual(Object.keys(parseMessage(text).trailers), ["Reason"]);
});

Deno.test("parseMessage() takes a last paragraph with prose in it for body", () => {
  const { body, trailers } = parseMessage("subject\n\nKey: value\nand prose\n");
  assert.equal(body, "Key: value\nand prose");
  assert.deepEqual(trailers, {});
});

Deno.test("git interpret-trailers finds the trailers that formatMessage() wrote", async () => {
  const child = new Deno.Command("git", {
    args: ["interpret-trailers", "--parse"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const text = formatMessage({
    subject: "run dev",
    body: "two lines\nof text",
    trailers: { "Seeknal-Action": "run", Environment: "dev" },
  });
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { stdout } = await child.output();
  assert.equal(new TextDecoder().decode(stdout), "Seeknal-Action: run\nEnvironment: dev\n");
});
