import assert from "node:assert/strict";
import type { DataQuality, QualityPoint } from "../../../src/app/data_quality.ts";
import { styleFor } from "../../../src/cli/terminal.ts";
import { checksView, shellText } from "../../../src/cli/views/checks_view.ts";
import { qualityHtml } from "../../../src/cli/views/quality_html.ts";
import { qualityView, trend } from "../../../src/cli/views/quality_view.ts";
import { junitXml, testView } from "../../../src/cli/views/test_view.ts";
import type { CheckResult } from "../../../src/model/check.ts";
import type { EnvName, NodeId } from "../../../src/model/ids.ts";
import { countChecks, qualityStatus } from "../../../src/model/quality.ts";
import type { TestResult } from "../../../src/model/test.ts";

const PLAIN = styleFor(false);
const NODE = "transform.a" as NodeId;
const DEV = "dev" as EnvName;

function result(parts: Partial<CheckResult>): CheckResult {
  return {
    node: NODE,
    name: "not_null(id)",
    type: "not_null",
    severity: "error",
    column: "id",
    status: "passed",
    violations: 0,
    checked: 3,
    detail: null,
    ...parts,
  };
}

function point(parts: Partial<QualityPoint>): QualityPoint {
  return {
    at: "2026-01-02T03:04:05.000Z",
    action: "run",
    commit: null,
    status: "passed",
    violations: 0,
    checked: 10,
    share: 0,
    ...parts,
  };
}

Deno.test("countChecks and qualityStatus tell what blocks from what is only said", () => {
  const all = [
    result({}),
    result({ status: "failed", severity: "warn" }),
    result({ status: "error", severity: "warn" }),
    result({ status: "error" }),
  ];
  assert.deepEqual(countChecks(all), { passed: 1, warned: 2, failed: 1 });
  assert.equal(qualityStatus(all), "failed");
  assert.equal(qualityStatus(all.slice(0, 3)), "warned");
  assert.equal(qualityStatus(all.slice(0, 1)), "passed");
});

Deno.test("checksView shows what was found and the command that shows the rows", () => {
  const text = checksView([{
    id: NODE,
    results: [
      result({}),
      result({
        name: "low",
        status: "failed",
        violations: 2,
        detail: "such as id = 1",
        query: `SELECT * FROM "transform"."a" WHERE (x = 'y')`,
      }),
      result({ name: "odd", status: "error", severity: "warn", detail: "no such column" }),
      result({ name: "many", status: "failed", violations: 1, checked: 9, detail: "9 rows" }),
    ],
  }], { env: DEV, style: PLAIN });
  assert.equal(
    text,
    `transform.a
  passed  not_null(id)  3 rows
  failed  low           2 of 3 rows, such as id = 1
          seeknal query 'SELECT * FROM "transform"."a" WHERE (x = '\\''y'\\'')' --env dev
  warned  odd           could not be checked: no such column
  failed  many          9 rows
4 checks: 1 passed, 1 warned, 2 failed
`,
  );
});

Deno.test("shellText makes one word for a shell, and leaves lines that end with a comment alone", () => {
  assert.equal(shellText("SELECT\n  1"), '"SELECT 1"');
  assert.equal(shellText('a "b" $c'), `'a "b" $c'`);
  assert.equal(shellText("it's $x"), `'it'\\''s $x'`);
  assert.equal(shellText("x -- y\n)"), '"x -- y\n)"');
});

Deno.test("trend draws the last twenty times, as tall as the share of rows that failed", () => {
  const points = [
    point({}),
    point({ status: "warned", share: 0.001 }),
    point({ status: "failed", share: 0.5 }),
    point({ status: "failed", share: 1 }),
  ];
  assert.equal(trend(points, PLAIN), "▁▂▅█");
  assert.equal(trend(Array.from({ length: 50 }, () => points[0]!), PLAIN), "▁".repeat(20));
});

const QUALITY: DataQuality = {
  project: "shop & co",
  environment: DEV,
  checks: [{
    node: NODE,
    name: "<script>alert(1)</script>",
    type: "custom_sql",
    severity: "error",
    column: null,
    status: "failed",
    found: `such as a = "<b>"`,
    query: `SELECT 1 -- </pre><script>`,
    failing_since: "2026-01-02T03:04:05.000Z",
    points: [point({ status: "failed", violations: 3, share: 0.3 })],
  }],
  rows: { [NODE]: [{ at: "2026-01-02T03:04:05.000Z", rows: 10 }] },
  runs: [{
    at: "2026-01-02T03:04:05.000Z",
    action: "run",
    commit: null,
    status: "failed",
    passed: 0,
    warned: 0,
    failed: 1,
  }],
  profiles: [{
    node: "profile.p" as NodeId,
    column: "amount",
    metric: "null_percent",
    points: [{ at: "2026-01-02T03:04:05.000Z", value: 12.5 }],
  }],
};

Deno.test("qualityHtml lets no name, value or query out of its place and asks for nothing outside", () => {
  const html = qualityHtml(QUALITY, { now: new Date("2026-01-03T00:00:00Z") });
  assert.equal(html.match(/<script/g)!.length, 1);
  assert.doesNotMatch(html, /alert\(1\)<\/script>|<b>"|https?:|src=|@import|url\(/);
  assert.match(html, /shop &amp; co: data quality of dev/);
  assert.match(html, /amount null percent <b>12\.50<\/b>/);
  assert.match(html, /failing since 2026-01-02 03:04 UTC/);
});

Deno.test("qualityView says how it stands where nothing was checked", () => {
  const now = new Date("2026-01-02T05:04:05Z");
  const text = qualityView(QUALITY, { style: PLAIN, now });
  assert.match(text, /1 check in dev: 0 passing, 1 failing; last run 2h ago/);
  const empty = { ...QUALITY, checks: [], runs: [] };
  assert.match(qualityView(empty, { style: PLAIN, now }), /Nothing was checked in dev yet/);
});

const FAILED: TestResult = {
  name: `a "b" <c>`,
  type: "unit",
  file: "tests/x.yml",
  line: 4,
  node: NODE,
  status: "failed",
  message: "rows differ: 1 changed",
  diff: {
    columns: ["id", "total"],
    expected: 1,
    actual: 1,
    missing: [],
    extra: [],
    changed: [{ expected: ["1", null], actual: ["1", "\u0001&"] }],
  },
  duration_ms: 1.5,
};

Deno.test("testView shows a changed cell as expected and got", () => {
  const text = testView({ environment: null, results: [FAILED], duration_ms: 1.5 }, PLAIN);
  assert.match(text, /failed {3}a "b" <c> {2}transform\.a {2}tests\/x\.yml:4/);
  assert.ok(text.includes("~ 1   NULL → \u0001&   changed: expected → got"), text);
  assert.match(text, /1 test: 0 passed, 1 failed in 0\.00s/);
});

Deno.test("junitXml escapes what XML cannot hold", () => {
  const xml = junitXml({
    environment: null,
    results: [FAILED, { ...FAILED, status: "error" }],
    duration_ms: 2,
  });
  assert.match(xml, /tests="2" failures="1" errors="1" skipped="0" time="0\.0030"/);
  assert.match(
    xml,
    /name="a &quot;b&quot; &lt;c&gt;" classname="tests\.x" file="tests\/x\.yml" line="4"/,
  );
  assert.match(xml, /NULL → \ufffd&amp;/);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(xml, /[\x00-\x08]/);
});
