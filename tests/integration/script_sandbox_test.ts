import assert from "node:assert/strict";
import { SCRIPT_WORKER } from "../../src/exec/script_channel.ts";
import { makeProject, runSeeknal, type TempProject } from "../support/project.ts";

/** What a script tries, and the words it is refused with. */
const ATTEMPTS: Readonly<Record<string, readonly [code: string, words: RegExp]>> = {
  read_file: ["Deno.readTextFileSync('/etc/passwd')", /tried to use Deno\.readTextFileSync/],
  write_file: ["Deno.writeTextFileSync('/tmp/stolen', 'x')", /tried to use Deno\.writeTextFile/],
  read_env: ["Deno.env.get('HOME')", /tried to read the environment \(Deno\.env\.get\)/],
  node_env: ["process.env.HOME", /tried to read the environment \(process\.env\.HOME\)/],
  cwd: ["Deno.cwd()", /tried to use Deno\.cwd/],
  socket: ["await Deno.connect({ port: 80 })", /tried to use Deno\.connect/],
  fetch_http: ["await fetch('http://127.0.0.1:1')", /tried to use fetch/],
  fetch_file: ["await fetch('file:///etc/passwd')", /tried to use fetch/],
  websocket: ["new WebSocket('ws://127.0.0.1:1')", /tried to use WebSocket/],
  subprocess: ["new Deno.Command('ls').outputSync()", /tried to use Deno\.Command/],
  kill: ["Deno.kill(1, 'SIGTERM')", /tried to use Deno\.kill/],
  ffi: ["Deno.dlopen('/lib/x.so', {})", /tried to use Deno\.dlopen/],
  stdout: ["Deno.stdout.writeSync(new Uint8Array(1))", /tried to use Deno\.stdout/],
  exit: ["Deno.exit(0)", /tried to use Deno\.exit/],
  builtin: ["process.getBuiltinModule('node:fs')", /tried to use process\.getBuiltinModule/],
  import_file: [
    "await import('file:///etc/hosts.ts')",
    /tried to import "file:\/\/\/etc\/hosts.ts"/,
  ],
  import_https: ["await import('https://deno.land/x.ts')", /tried to import "https:/],
  import_npm: ["await import('np' + 'm:diff')", /tried to import "npm:diff"/],
  import_engine: [
    "await import('@duckdb/node-api')",
    /tried to import "@duckdb\/node-api"/,
  ],
  import_node: ["await import('node:fs')", /tried to import "node:fs"/],
  import_data: ["await import('data:text/javascript,1')", /tried to import "data:/],
  import_eval: ["await new Function(\"return import('node:fs')\")()", /tried to import "node:fs"/],
  worker: ["new Worker('data:text/javascript,1')", /tried to use Worker/],
  channel: ["new BroadcastChannel('x')", /tried to use BroadcastChannel/],
  close: ["self.close()", /tried to use close/],
  other_node: [
    "inputs['source.secrets'].numRows",
    /"source\.secrets", which is not among its inputs/,
  ],
};

function attempt(code: string): string {
  return `// /// seeknal
// inputs: [source.open]
// columns: {x: VARCHAR}
// ///
export default async function (inputs, context) {
  return [{ x: String(${code}) }];
}
`;
}

interface Finished {
  event: string;
  node: string;
  status: string;
  error: string | null;
}

async function finished(project: TempProject): Promise<Map<string, Finished>> {
  const { stdout } = await runSeeknal(project, ["run", "--continue-on-error", "--json"]);
  const events = stdout.trim().split("\n").map((line) => JSON.parse(line) as Finished);
  return new Map(
    events.filter(({ event }) => event === "node_finished").map((event) => [event.node, event]),
  );
}

Deno.test("a TypeScript node that reaches for anything but its inputs fails, and says for what", async () => {
  using project = makeProject({
    "data/x.csv": "id\n1\n",
    "seeknal/open.yml": "kind: source\nname: open\nsource: csv\ntable: data/x.csv\n",
    "seeknal/secrets.yml": "kind: source\nname: secrets\nsource: csv\ntable: data/x.csv\n",
    ...Object.fromEntries(
      Object.entries(ATTEMPTS).map(([name, [code]]) => [`seeknal/${name}.ts`, attempt(code)]),
    ),
  });
  const events = await finished(project);
  for (const [name, [, words]] of Object.entries(ATTEMPTS)) {
    const event = events.get(`transform.${name}`);
    assert.equal(event?.status, "failed", name);
    assert.match(event.error!, words, name);
    assert.match(event.error!, new RegExp(`^seeknal/${name}\\.ts:6: `), "file and line");
    assert.match(event.error!, /inputs/, "what to do instead");
  }
});

Deno.test("the worker of a script has no permission, whatever its globals are", async () => {
  const code = `
    const attempts = {
      read: () => Deno.readTextFileSync("/etc/passwd"),
      write: () => Deno.writeTextFileSync("/tmp/seeknal-stolen", ""),
      env: () => Deno.env.get("HOME"),
      net: () => Deno.listen({ port: 0 }),
      run: () => new Deno.Command("ls").outputSync(),
      ffi: () => Deno.dlopen("/lib/x.so", {}),
      sys: () => Deno.hostname(),
    };
    const outcomes = {};
    for (const [name, attempt] of Object.entries(attempts)) {
      try { attempt(); outcomes[name] = "done"; } catch (error) { outcomes[name] = error.name; }
    }
    // Deno fetches what is written out before anything runs, with the permissions of the parent.
    try { await import("https://" + "deno.land/x.ts"); outcomes.import = "done"; }
    catch (error) { outcomes.import = /Requires import access/.test(error.message) ? "NotCapable" : error.message; }
    postMessage(outcomes);`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(code)}`, SCRIPT_WORKER);
  const outcomes = await new Promise<Record<string, string>>((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
  });
  worker.terminate();
  const kinds = ["read", "write", "env", "net", "run", "ffi", "sys", "import"];
  assert.deepEqual(outcomes, Object.fromEntries(kinds.map((kind) => [kind, "NotCapable"])));
});

Deno.test("what a script may not import is said in the plan, with its line", async () => {
  using project = makeProject({
    "seeknal/a.ts":
      '// /// seeknal\n// columns: {x: INTEGER}\n// ///\nimport fs from "node:fs";\nimport * as d from "npm:diff";\nimport { up } from "../../up.ts";\nimport { no } from "./no.ts";\n\nexport default () => [fs, d, up, no];\n',
    "seeknal/b.ts":
      "// /// seeknal\n// columns: {x: INTEGER}\n// ///\nexport default () => {\n  return [;\n};\n",
  });
  const { code, stdout } = await runSeeknal(project, ["plan", "--json"]);
  assert.equal(code, 3);
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: { file: string; line: number; code: string; message: string }[];
  };
  assert.deepEqual(
    diagnostics.map(({ file, line, code }) => [file, line, code]),
    [
      ["seeknal/a.ts", 4, "script_import"],
      ["seeknal/a.ts", 5, "script_import"],
      ["seeknal/a.ts", 6, "script_import"],
      ["seeknal/a.ts", 7, "script_import"],
      ["seeknal/b.ts", 5, "script_syntax"],
    ],
  );
  assert.match(diagnostics[2]!.message, /leads out of the project/);
});

Deno.test("a script that takes the line for itself and says nonsense fails its node, and no other", async () => {
  const capture = `let line;
const send = MessagePort.prototype.postMessage;
MessagePort.prototype.postMessage = function (...args) { line = this; return send.apply(this, args); };
export default async function (inputs, context) {
  context.log("x");
  line.postMessage(MESSAGE);
  return [{ x: "a" }];
}
`;
  const messages = [
    "null",
    "{ type: 'rows', bytes: 'abc' }",
    "{ type: 'done', rows: 1, longestLine: '1) --', metrics: {}, artifact: null }",
    "{ type: 'done', rows: 1, longestLine: 1, metrics: { a: 'b' }, artifact: null }",
    "{ type: 'failed', message: {}, hint: 5 }",
  ];
  using project = makeProject({
    "seeknal/fine.ts":
      '// /// seeknal\n// columns: {x: VARCHAR}\n// ///\nexport default () => [{ x: "a" }];\n',
    ...Object.fromEntries(messages.map((message, n) => [
      `seeknal/bad_${n}.ts`,
      `// /// seeknal\n// columns: {x: VARCHAR}\n// ///\n${capture.replace("MESSAGE", message)}`,
    ])),
  });
  const events = await finished(project);
  assert.equal(events.get("transform.fine")?.status, "success");
  for (const n of messages.keys()) {
    const event = events.get(`transform.bad_${n}`);
    assert.equal(event?.status, "failed");
    assert.match(event.error!, /sent a message that seeknal does not understand/);
  }
});
