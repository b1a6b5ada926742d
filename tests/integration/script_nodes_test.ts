import assert from "node:assert/strict";
import type { ShownNode } from "../../src/app/show_node.ts";
import { makeProject, runSeeknal, type TempProject } from "../support/project.ts";
import { ok, rowsOf } from "../support/shop.ts";

const ORDERS = {
  "data/orders.csv":
    "id,amount,day,status\n1,10.50,2026-01-01,paid\n2,20.25,2026-01-02,open\n3,5.00,,paid\n",
  "seeknal/orders.yml":
    'kind: source\nname: orders\nsource: csv\ntable: data/orders.csv\ncolumns: {id: BIGINT, amount: "DECIMAL(10,2)", day: DATE, status: VARCHAR}\n',
};

/** A script with its header, in either language. */
function script(mark: "//" | "#", fields: readonly string[], code: string): string {
  return [`${mark} /// seeknal`, ...fields.map((line) => `${mark} ${line}`), `${mark} ///`, code]
    .join("\n");
}

interface Event {
  readonly event: string;
  readonly node: string;
  readonly status: string;
  readonly error: string | null;
  readonly message: string;
  readonly metrics?: Record<string, number>;
}

async function events(project: TempProject, ...args: string[]): Promise<Event[]> {
  const { stdout } = await runSeeknal(project, ["run", "--json", ...args]);
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

/** Why nodes failed, by name. */
async function failures(project: TempProject, ...args: string[]): Promise<Record<string, string>> {
  const found = (await events(project, "--continue-on-error", ...args))
    .filter(({ event, error }) => event === "node_finished" && error !== null);
  return Object.fromEntries(found.map(({ node, error }) => [node.split(".")[1], error!]));
}

/** One row of every type that survives, and one of NULLs. */
const TYPES: Readonly<Record<string, readonly [type: string, value: string]>> = {
  i8: ["TINYINT", "-128"],
  i64: ["BIGINT", "-9223372036854775808"],
  u64: ["UBIGINT", "18446744073709551615"],
  huge: ["HUGEINT", "170141183460469231731687303715884105"],
  f32: ["FLOAT", "0.1"],
  f64: ["DOUBLE", "0.1 + 0.2"],
  nan: ["DOUBLE", "'NaN'"],
  inf: ["DOUBLE", "'-Infinity'"],
  dec: ["DECIMAL(38,10)", "-1234567890123456789012345678.0000000001"],
  small: ["DECIMAL(4,2)", "0.05"],
  yes: ["BOOLEAN", "true"],
  txt: ["VARCHAR", "'a\"b\\ü😀' || chr(10)"],
  empty: ["VARCHAR", "''"],
  day: ["DATE", "'1969-12-31'"],
  early: ["DATE", "'0001-01-01'"],
  ts: ["TIMESTAMP", "'1969-12-31 23:59:59.123456'"],
  tz: ["TIMESTAMP WITH TIME ZONE", "'2026-01-02 03:04:05.000001+02'"],
  bc: ["DATE", "'0044-03-15 (BC)'"],
  bc_ts: ["TIMESTAMP", "'0044-03-15 (BC) 12:00:00.000001'"],
  ever: ["TIMESTAMP WITH TIME ZONE", "'infinity'"],
  never: ["DATE", "'-infinity'"],
  far: ["DATE", "'12026-01-01'"],
  ns: ["TIMESTAMP_NS", "'2026-01-02 03:04:05.123456789'"],
  json: ["JSON", `'{"a": [1.10, "x"]}'`],
  t: ["TIME", "'01:02:03.000004'"],
  bin: ["BLOB", "'\\x00\\xFFabc'"],
  id: ["UUID", "'00000000-0000-0000-0000-0000000000ff'"],
  list: ["BIGINT[]", "[1, NULL, 9007199254740993]"],
  decs: ["DECIMAL(10,2)[]", "[1.10, 2.20]"],
  nest: [
    "STRUCT(a DECIMAL(10,2), b STRUCT(c DATE, d VARCHAR)[])",
    "{'a': 1.10, 'b': [{'c': '2026-01-01', 'd': NULL}]}",
  ],
  map: ["MAP(VARCHAR, DECIMAL(10,2))", "MAP {'x': 1.10, 'y': NULL}"],
  bins: ["BLOB[]", "['\\x00\\x01'::BLOB]"],
  times: ["TIME[]", "['01:02:03.5']"],
  zones: ["TIMESTAMP WITH TIME ZONE[]", "['2026-01-02 03:04:05.000001+02']"],
  doubles: ["DOUBLE[]", "['NaN', 'Infinity', 0.1, 1e300]"],
  keys: ["MAP(INTEGER, DATE)", "MAP {1: '2026-01-01'}"],
  gap: ["INTERVAL", "INTERVAL '1 year 2 days 03:04:05.000006'"],
};

Deno.test("rows go through a script of either language without a change, whatever their types", async () => {
  const values = Object.entries(TYPES).map(([name, [type, value]]) =>
    `CAST(${value} AS ${type}) AS "${name}"`
  );
  const columns = JSON.stringify(
    Object.fromEntries(Object.entries(TYPES).map(([name, [type]]) => [name, type])),
  );
  const nulls = Object.keys(TYPES).map(() => "NULL").join(", ");
  const fields = ["inputs: [transform.typed]", `columns: ${columns}`];
  using project = makeProject({
    "seeknal/typed.sql": `SELECT ${values.join(", ")} UNION ALL SELECT ${nulls}`,
    "seeknal/rows_ts.ts": script(
      "//",
      fields,
      'export default (inputs) => [...inputs["transform.typed"].rows()];',
    ),
    "seeknal/arrow_ts.ts": script(
      "//",
      fields,
      'export default (inputs) => inputs["transform.typed"];',
    ),
    "seeknal/rows_py.py": script(
      "#",
      fields,
      'def run(inputs, context):\n    return inputs["transform.typed"].rows()',
    ),
    "seeknal/path_py.py": script(
      "#",
      fields,
      "import shutil\n\ndef run(inputs, context):\n    shutil.copyfile(inputs['transform.typed'].path, context.output_path)",
    ),
  });
  await ok(project, "run");
  for (const name of ["rows_ts", "arrow_ts", "rows_py", "path_py"]) {
    const missing = Object.keys(TYPES).map((column) =>
      `SELECT '${column}' AS c, count(*) AS n FROM (FROM (SELECT "${column}" FROM transform.typed) EXCEPT SELECT "${column}" FROM transform.${name})`
    );
    const different = await rowsOf(
      project,
      `SELECT c FROM (${missing.join(" UNION ALL ")}) WHERE n > 0`,
    );
    assert.deepEqual(different, [], name);
    const [count] = await rowsOf(project, `SELECT count(*) AS n FROM transform.${name}`);
    assert.equal(String(count!["n"]), "2", name);
  }
});

Deno.test("scripts make sources and transforms; they see params, files they import, and may be async", async () => {
  using project = makeProject({
    ...ORDERS,
    "seeknal/lib/rates.ts":
      "export enum Rate { Double = 2 }\nexport const up = (x: string): string => x.toUpperCase();\n",
    "seeknal/made.ts": script(
      "//",
      ["kind: source", "columns: {n: INTEGER, squared: BIGINT}", "params: {most: 3}"],
      `export default async function* (_inputs: unknown, context: { params: { most: number } }) {
  for (let n = 1; n <= context.params.most; n++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    yield n % 2 === 0 ? [{ n, squared: n ** 2 }] : { n, squared: BigInt(n ** 2) };
  }
}`,
    ),
    "seeknal/made_py.py": script(
      "#",
      [
        "kind: source",
        "columns: {n: INTEGER, at: TIMESTAMP, tags: 'VARCHAR[]'}",
        "params: {most: 2}",
      ],
      `import datetime

def run(inputs, context):
    assert not inputs
    for n in range(context.params["most"]):
        yield {"at": datetime.datetime(2026, 1, 2, 3, 4, 5, n), "n": n, "tags": ("a", "b")}`,
    ),
    "seeknal/doubled.ts": script(
      "//",
      ["inputs: [source.orders]", 'columns: {id: BIGINT, twice: "DECIMAL(12,2)", status: VARCHAR}'],
      `import { Rate, up } from "./lib/rates.ts";
import { tableFromArrays } from "apache-arrow";

export default (inputs, context) => {
  const rows = [...inputs["source.orders"].rows()];
  return context.arrow.tableFromArrays({
    id: rows.map(({ id }) => id),
    twice: rows.map(({ amount }) => String(Number(amount) * Rate.Double)),
    status: tableFromArrays({ s: rows.map(({ status }) => up(status)) }).getChild("s").toArray(),
  });
};`,
    ),
    "seeknal/none.ts": script(
      "//",
      ["inputs: [transform.doubled]", "columns: {x: INTEGER}"],
      'export default (inputs) => inputs["transform.doubled"].numRows === 3 ? [] : [{ x: 1 }];',
    ),
    "seeknal/named.yml":
      "kind: transform\nname: named\nscript: code/named.py\ninputs: [transform.none]\ncolumns: {rows: INTEGER}\n",
    "code/named.py":
      "def run(inputs, context):\n    return [{'rows': sum(1 for _ in inputs['transform.none'].rows())}]\n",
  });
  const said = await ok(project, "run");
  assert.match(said, /5 built|6 built/);
  assert.deepEqual(await rowsOf(project, "FROM source.made"), [
    { n: 1, squared: 1 },
    { n: 2, squared: 4 },
    { n: 3, squared: 9 },
  ]);
  assert.deepEqual(await rowsOf(project, "FROM source.made_py"), [
    { n: 0, at: "2026-01-02T03:04:05", tags: ["a", "b"] },
    { n: 1, at: "2026-01-02T03:04:05.000001", tags: ["a", "b"] },
  ]);
  assert.deepEqual(await rowsOf(project, "SELECT * EXCLUDE (id) FROM transform.doubled"), [
    { twice: 10, status: "PAID" },
    { twice: 21, status: "PAID" },
    { twice: 40.5, status: "OPEN" },
  ]);
  assert.deepEqual(await rowsOf(project, "FROM transform.none"), []);
  assert.deepEqual(await rowsOf(project, "FROM transform.named"), [{ rows: 0 }]);

  const builds = async () =>
    (await events(project)).filter(({ event }) => event === "node_finished").map((e) => e.node);
  assert.deepEqual(await builds(), [], "nothing has changed");
  project.write("seeknal/lib/rates.ts", project.read("seeknal/lib/rates.ts").replace("= 2", "= 3"));
  assert.deepEqual(
    (await builds()).sort(),
    ["transform.doubled", "transform.named", "transform.none"],
    "an imported file is part of the node",
  );
  assert.equal((await rowsOf(project, "FROM transform.doubled"))[0]!["twice"], 31.5);
  project.write("seeknal/made.ts", project.read("seeknal/made.ts").replace("most: 3", "most: 1"));
  assert.deepEqual(await builds(), ["source.made"], "params are part of the node");
  project.write(
    "seeknal/made.ts",
    project.read("seeknal/made.ts").replace("// ///\n", "// description: Squares\n// ///\n"),
  );
  assert.deepEqual(await builds(), [], "a description is not");
});

Deno.test("a model keeps metrics and an artifact, which readers, reuse, doctor and gc respect", async () => {
  using project = makeProject({
    ...ORDERS,
    "seeknal/churn.py": script(
      "#",
      [
        "kind: model",
        "output_columns: {id: BIGINT, prediction: DOUBLE}",
        "training: {label_source: source.orders, label_column: status, params: {n: 5}}",
        "tests: [{min_accuracy: 0.5}]",
      ],
      `def run(inputs, context):
    assert context.training["params"] == {"n": 5}, context.training
    context.metric("accuracy", 0.75)
    context.artifact(context.training["label_column"].encode() + b"\\x00\\xff")
    return [{"id": r["id"], "prediction": float(r["amount"])} for r in inputs["source.orders"].rows()]`,
    ),
    "seeknal/trees.ts": script(
      "//",
      [
        "kind: model",
        "inputs: [source.orders]",
        "columns: {id: BIGINT}",
        "training: {label_column: status}",
      ],
      `export default (inputs, context) => {
  context.metric("loss", 0.25);
  context.artifact(context.training.label_column);
  return [...inputs["source.orders"].rows()].map(({ id }) => ({ id }));
};`,
    ),
    "seeknal/both.ts": script(
      "//",
      [
        "inputs: [model.churn, model.trees]",
        "columns: {bin: BLOB, txt: VARCHAR, accuracy: DOUBLE}",
      ],
      `export default (inputs) => [{
  bin: inputs["model.churn"].artifact,
  txt: new TextDecoder().decode(inputs["model.trees"].artifact),
  accuracy: inputs["model.churn"].metrics.accuracy,
}];`,
    ),
    "seeknal/both_py.py": script(
      "#",
      [
        "inputs: [model.churn, model.trees]",
        "columns: {bin: BLOB, txt: VARCHAR, accuracy: DOUBLE}",
      ],
      `def run(inputs, context):
    churn, trees = inputs["model.churn"], inputs["model.trees"]
    with open(churn.artifact, "rb") as a, open(trees.artifact) as b:
        yield {"bin": a.read(), "txt": b.read(), "accuracy": churn.metrics["accuracy"]}`,
    ),
  });
  const finished = (await events(project)).filter(({ event }) => event === "node_finished");
  assert.deepEqual(finished.find(({ node }) => node === "model.churn")!.metrics, {
    accuracy: 0.75,
  });
  assert.deepEqual(finished.find(({ node }) => node === "model.trees")!.metrics, { loss: 0.25 });
  const expected = [{ bin: "status\\x00\\xFF", txt: "status", accuracy: 0.75 }];
  assert.deepEqual(await rowsOf(project, "FROM transform.both"), expected);
  assert.deepEqual(await rowsOf(project, "FROM transform.both_py"), expected);

  const shown = await project.json<ShownNode>("show", "model.trees");
  assert.deepEqual(shown.metrics, { loss: 0.25 });
  assert.equal(shown.artifact!.size_bytes, "status".length);
  assert.equal(Deno.readTextFileSync(project.path(shown.artifact!.path)), "status");
  assert.equal(project.read("target/cache/model/trees.artifact"), "status");
  const page = await ok(project, "show", "model.trees");
  assert.match(
    page,
    /\nmetrics +loss 0\.25\nartifact +target\/cache\/objects\/[0-9a-f]{64}\.artifact {2}6 B\n/,
  );
  assert.match(
    page,
    /\nTypeScript\n {2}export default \(inputs, context\) => \{\n {4}context\.metric/,
  );
  assert.match(await ok(project, "show", "model.churn"), /\nPython\n {2}def run\(/);

  const artifacts = () =>
    [...Deno.readDirSync(project.path("target/cache/objects"))].map(({ name }) => name)
      .filter((name) => name.endsWith(".artifact"));
  assert.equal(artifacts().length, 2);
  project.host.advance(30 * 86_400_000);
  await ok(project, "gc");
  assert.equal(artifacts().length, 2, "what a ref names stays");
  await ok(project, "doctor", "--deep");

  const damaged = project.path("target/cache/objects", artifacts()[0]!);
  Deno.chmodSync(damaged, 0o644);
  Deno.writeTextFileSync(damaged, "damaged");
  const { code, stdout } = await project.run("doctor");
  assert.notEqual(code, 0);
  assert.match(stdout, /missing or damaged: model\.(churn|trees)/);
  const built = (await events(project)).filter(({ event }) => event === "node_finished");
  assert.equal(built.length >= 1 && built.every(({ status }) => status === "success"), true);
  assert.ok(
    built.some(({ node }) => node.startsWith("model.")),
    "a model without its artifact is built again",
  );
  await ok(project, "doctor", "--deep");
  await ok(project, "plan", "dev");
  const reused = await events(project, "--env", "dev");
  assert.deepEqual(reused.filter(({ event }) => event === "node_finished"), []);
});

Deno.test("a metric out of bounds blocks a model; changed bounds check again and build nothing", async () => {
  const model = (least: string) =>
    script(
      "#",
      [
        "kind: model",
        "columns: {x: INTEGER}",
        `tests: [{min_accuracy: ${least}}, {max_loss: 1, severity: warn}]`,
      ],
      "def run(inputs, context):\n    context.metric('accuracy', 0.75)\n    return [{'x': 1}]",
    );
  using project = makeProject({ "seeknal/m.py": model("0.8") });
  assert.deepEqual(await failures(project), {
    m: "metric(accuracy) failed: accuracy is 0.75, less than 0.8",
  });
  project.write("seeknal/m.py", model("0.7"));
  await ok(project, "run");
  project.write("seeknal/m.py", model("0.9"));
  const again = await events(project);
  assert.deepEqual(again.filter(({ event }) => event === "node_started"), [], "not built again");
  assert.match(again.find(({ event }) => event === "node_finished")!.error!, /less than 0\.9/);
});

Deno.test("what goes wrong in a script is said with its file and line", async () => {
  const ts = (code: string) => script("//", ["columns: {id: BIGINT, name: VARCHAR}"], code);
  const py = (code: string) => script("#", ["columns: {id: BIGINT, name: VARCHAR}"], code);
  using project = makeProject({
    "seeknal/throws.ts": ts("\nexport default () => {\n  throw new TypeError('no way');\n};"),
    "seeknal/missing.ts": ts("export default () => [{ id: 1, name: 'a' }, { id: 2 }];"),
    "seeknal/extra.ts": ts("export default () => [{ id: 1, name: 'a', more: 2 }];"),
    "seeknal/whole.ts": ts("export default () => [{ id: 1.5, name: 'a' }];"),
    "seeknal/cast.ts": ts("export default () => [{ id: 1, name: 'a' }, { id: 'x1', name: 'b' }];"),
    "seeknal/nothing.ts": ts("export default () => {};"),
    "seeknal/nodefault.ts": ts("export const f = () => [];"),
    "seeknal/decimal.ts": script(
      "//",
      ["inputs: [transform.money]", "columns: {d: VARCHAR}"],
      "export default (inputs) => inputs['transform.money'].toArray().map(({ d }) => ({ d }));",
    ),
    "seeknal/money.sql": "SELECT 1.10::DECIMAL(10,2) AS d",
    "seeknal/p_raises.py": py(
      "\ndef run(inputs, context):\n    return helper()\n\ndef helper():\n    raise ValueError('no way')",
    ),
    "seeknal/p_syntax.py": py("def run(inputs, context):\n    return [;\n"),
    "seeknal/p_missing.py": py("def run(inputs, context):\n    yield {'id': 1}"),
    "seeknal/p_import.py": py("import no_such_package\n\ndef run(inputs, context):\n    pass"),
    "seeknal/p_none.py": py("def run(inputs, context):\n    pass"),
    "seeknal/p_norun.py": py("def other(inputs, context):\n    pass"),
    "seeknal/p_exit.py": py(
      "import os, sys\n\ndef run(inputs, context):\n    print('going', file=sys.stderr)\n    os._exit(7)",
    ),
    "seeknal/p_needs.py": script(
      "#",
      ["columns: {id: BIGINT}"],
      '# /// script\n# dependencies = ["no-such-dist>=2"]\n# ///\n\ndef run(inputs, context):\n    return []',
    ),
    "seeknal/p_unknown.py": py("def run(inputs, context):\n    return inputs['source.x'].rows()"),
  });
  const found = await failures(project);
  const expected: Record<string, RegExp> = {
    throws: /^seeknal\/throws\.ts:6: TypeError: no way$/,
    missing: /^seeknal\/missing\.ts: Row 2 lacks "name"\n/,
    extra: /^seeknal\/extra\.ts: Row 1 has "more", which columns: does not declare\n/,
    whole: /Row 1: column "id" is BIGINT, and 1\.5 is not a whole number/,
    cast: /Row 2: column "id" is BIGINT, and 'x1' is not one/,
    nothing: /It returned undefined, not rows/,
    nodefault: /no default export/,
    decimal: /a DecimalBigNum is not a value of a column\n.*rows\(\)/,
    p_raises: /^seeknal\/p_raises\.py:9: ValueError: no way\n(.*\n)*.*line 9, in helper/,
    p_syntax: /^seeknal\/p_syntax\.py:5: SyntaxError: /,
    p_missing: /Row 1 lacks "name"/,
    p_import: /p_import\.py:4: ModuleNotFoundError: No module named 'no_such_package'/,
    p_none: /It returned None and wrote no output\.parquet/,
    p_norun: /It has no function run/,
    p_exit: /Python ended without a result \(exit code 7\)\ngoing/,
    p_needs: /It needs no-such-dist>=2, which .*python.* does not have\ninstall uv(.*\n)+ *curl/,
    p_unknown: /It reads 'source\.x', which is not among its inputs/,
  };
  for (const [name, words] of Object.entries(expected)) {
    assert.match(found[name] ?? "(did not fail)", words, name);
  }
  assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort());
  assert.deepEqual(
    [...Deno.readDirSync(project.path("target/cache/tmp"))].map(({ name }) => name)
      .filter((name) => !name.startsWith("spill-")),
    [],
    "nothing is left behind",
  );
});

Deno.test("a model and its artifact go from dev to production and back", async () => {
  const model = (accuracy: string, artifact: string) =>
    script(
      "#",
      ["kind: model", "columns: {x: INTEGER}"],
      `def run(inputs, context):\n    context.metric("accuracy", ${accuracy})\n    context.artifact(b"${artifact}")\n    return [{"x": 1}]`,
    );
  const reader = (column: string) =>
    script(
      "//",
      ["inputs: [model.m]", `columns: {${column}: VARCHAR, accuracy: DOUBLE}`],
      `export default (inputs) => {
  const { artifact, metrics } = inputs["model.m"];
  return [{ ${column}: new TextDecoder().decode(artifact), accuracy: metrics.accuracy }];
};`,
    );
  using project = makeProject({
    "seeknal/m.py": model("0.5", "one"),
    "seeknal/scored.ts": reader("a"),
  });
  await ok(project, "run");
  project.write("seeknal/m.py", model("0.75", "two"));
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  const [one, two] = [{ a: "one", accuracy: 0.5 }, { a: "two", accuracy: 0.75 }];
  assert.deepEqual(await rowsOf(project, "FROM transform.scored", "dev"), [two]);
  assert.deepEqual(await rowsOf(project, "FROM transform.scored"), [one]);
  await ok(project, "promote", "dev", "staging", "--yes");
  await ok(project, "promote", "staging", "--yes");
  assert.deepEqual(await rowsOf(project, "FROM transform.scored"), [two]);
  await ok(project, "rollback", "--yes");
  assert.deepEqual(await rowsOf(project, "FROM transform.scored"), [one]);

  project.write("seeknal/scored.ts", reader("b"));
  await ok(project, "plan", "staging");
  const said = await events(project, "--env", "staging");
  assert.deepEqual(
    said.filter(({ event }) => event === "node_started").map(({ node }) => node),
    ["transform.scored"],
  );
  assert.deepEqual(
    await rowsOf(project, "FROM transform.scored", "staging"),
    [{ b: "two", accuracy: 0.75 }],
    "the artifact of an output that is reused",
  );
});
