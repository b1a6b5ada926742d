import assert from "node:assert/strict";
import { pythonEnvironment } from "../../../src/exec/python_command.ts";
import { readScriptHeader } from "../../../src/exec/script_header.ts";

Deno.test("readScriptHeader takes the block of PEP 723 and what it asks for", () => {
  const block = [
    "# /// script",
    '# requires-python = ">=3.11"',
    "# dependencies = [",
    "#   # all of it",
    '#   "requests[socks]<3",  # ]',
    "#   'rich',",
    "# ]",
    "#",
    "# [tool.uv]",
    "# ///",
  ].join("\n");
  assert.deepEqual(readScriptHeader(`"""Doc."""\n${block}\nimport rich\n`), {
    text: block,
    dependencies: ["requests[socks]<3", "rich"],
    requiresPython: ">=3.11",
  });
});

Deno.test("readScriptHeader finds none where there is none, or where it does not end", () => {
  const none = { text: "", dependencies: [], requiresPython: null };
  assert.deepEqual(readScriptHeader("import os\n"), none);
  assert.deepEqual(
    readScriptHeader('# /// script\n# dependencies = ["x"]\nimport os\n# ///\n'),
    none,
  );
});

Deno.test("pythonEnvironment passes what programs need and none of the other variables", () => {
  const given = {
    PATH: "/bin",
    HOME: "/home/a",
    LC_ALL: "C",
    UV_INDEX_URL: "https://x",
    https_proxy: "p",
    PGPASSWORD: "hush",
    AWS_SECRET_ACCESS_KEY: "hush",
    PYTHONPATH: "/elsewhere",
  };
  const { PATH, HOME, LC_ALL, UV_INDEX_URL, https_proxy } = given;
  const found = pythonEnvironment(given, "transform.x");
  assert.deepEqual(
    Object.fromEntries(Object.entries(found).filter(([name]) => !name.startsWith("PYTHON"))),
    { PATH, HOME, LC_ALL, UV_INDEX_URL, https_proxy, SEEKNAL_NODE: "transform.x" },
  );
  assert.equal(found["PYTHONPATH"], undefined);
  assert.equal(found["PYTHONHASHSEED"], "0");
});
