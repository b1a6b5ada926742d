import assert from "node:assert/strict";
import { runCli } from "../../src/cli/cli.ts";
import { TestHost } from "../support/host.ts";
import { fileTree, makeShop, ok, transform } from "../support/shop.ts";
import { TestTerminal } from "../support/terminal.ts";

/** Waits until all of it has been said, wherever, and forgets what was said. */
async function until(terminal: TestTerminal, ...patterns: RegExp[]): Promise<void> {
  const said = () => terminal.stdout + terminal.stderr;
  for (let tries = 0; !patterns.every((pattern) => pattern.test(said())); tries++) {
    assert.ok(tries < 300, `never said ${patterns.join()}:\n${said()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  terminal.stdout = terminal.stderr = "";
}

Deno.test("plan ENV --watch plans again when files change, keeps no plan, and exits 130 when stopped", async () => {
  using project = makeShop();
  await ok(project, "run");
  const controller = new AbortController();
  const host = new TestHost({ cwd: project.root, signal: controller.signal });
  const terminal = new TestTerminal();
  const before = fileTree(project);
  const running = runCli(["plan", "dev", "--watch"], { host, terminal });
  await until(terminal, /No changes/, /Planned at/);
  assert.deepEqual(fileTree(project), before);
  project.write("seeknal/more.yml", transform("more", [], "SELECT 1 AS a"));
  await until(terminal, /Changed: seeknal\/more\.yml/, /\+ transform\.more/, /Planned at/);
  project.write("seeknal/more.yml", "kind: nonsense\n");
  await until(terminal, /Unknown kind "nonsense"/, /Planned at/);
  project.remove("seeknal/more.yml");
  await until(terminal, /No changes/, /seeknal plan dev keeps it; Ctrl-C ends/);
  controller.abort();
  assert.equal(await running, 130);
  assert.deepEqual(fileTree(project), before);
});
