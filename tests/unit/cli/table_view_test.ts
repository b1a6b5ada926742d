import assert from "node:assert/strict";
import { COLORS, styleFor } from "../../../src/cli/terminal.ts";
import { displayWidth } from "../../../src/cli/views/format.ts";
import { tableView } from "../../../src/cli/views/table_view.ts";
import type { Table } from "../../../src/engine/session.ts";

const PLAIN = styleFor(false);

function table(columns: Readonly<Record<string, string>>, ...rows: unknown[][]): Table {
  return { columns: Object.entries(columns).map(([name, type]) => ({ name, type })), rows };
}

function lines(shown: string): string[] {
  return shown.trimEnd().split("\n");
}

Deno.test("tableView sets numbers to the right and texts to the left", () => {
  const shown = tableView(table({ name: "VARCHAR", n: "BIGINT" }, ["Ann", "5"], ["B", "120"]), {
    style: PLAIN,
    width: 80,
  });
  assert.deepEqual(lines(shown), [
    "name    n",
    "----  ---",
    "Ann     5",
    "B     120",
    "(2 rows)",
  ]);
});

Deno.test("tableView cuts the widest texts until the table fits, and no number", () => {
  const shown = tableView(
    table({ a: "VARCHAR", b: "VARCHAR", n: "DECIMAL(18,3)" }, [
      "x".repeat(90),
      "short one",
      "123456789012.345",
    ]),
    { style: PLAIN, width: 50 },
  );
  for (const line of lines(shown)) assert.ok(displayWidth(line) <= 50, line);
  assert.match(shown, /x… {2}short one {2}123456789012\.345/);
});

Deno.test("tableView names the columns that do not fit", () => {
  const columns = Object.fromEntries(
    Array.from({ length: 12 }, (_, i) => [`column_${i}`, "VARCHAR"]),
  );
  const shown = tableView(table(columns, Array.from({ length: 12 }, () => "v".repeat(30))), {
    style: PLAIN,
    width: 60,
  });
  for (const line of lines(shown)) assert.ok(displayWidth(line) <= 60, line);
  assert.match(shown, /\n\+6 columns: column_6, column_7, /);
});

Deno.test("tableView leaves out nothing where there is no screen", () => {
  const long = "y".repeat(500);
  const shown = tableView(table({ a: "VARCHAR", b: "VARCHAR" }, [long, long]), {
    style: PLAIN,
    width: null,
  });
  assert.ok(shown.includes(`${long}  ${long}`));
});

Deno.test("tableView shows any number of rows", () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => [String(i)]);
  const shown = tableView(table({ i: "BIGINT" }), { style: PLAIN, width: 80 });
  assert.match(shown, /\(0 rows\)/);
  const all = tableView({ ...table({ i: "BIGINT" }), rows }, { style: PLAIN, width: 80 });
  assert.match(all, /\n199999\n\(200,000 rows\)\n$/);
});

Deno.test("tableView keeps wide letters in line and lets no control character through", () => {
  const shown = tableView(
    table({ name: "VARCHAR", city: "VARCHAR" }, ["東京タワー", "x\n\x1b[31mred"], ["é", "z"]),
    { style: PLAIN, width: 40 },
  );
  assert.deepEqual(lines(shown).slice(2, 4), ["東京タワー  x↵␛[31mred", "é           z"]);
});

Deno.test("COLORS can be read on black and on white", () => {
  const channel = (value: number) => {
    const c = value / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  const steps = [0, 95, 135, 175, 215, 255];
  for (const [name, n] of Object.entries(COLORS)) {
    const rgb = n >= 232
      ? [n, n, n].map((grey) => 8 + 10 * (grey - 232))
      : [Math.floor((n - 16) / 36), Math.floor((n - 16) / 6) % 6, (n - 16) % 6].map((i) =>
        steps[i]!
      );
    const [r, g, b] = rgb.map(channel);
    const light = 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
    const contrasts = [(light + 0.05) / 0.05, 1.05 / (light + 0.05)];
    assert.ok(Math.min(...contrasts) >= 3.8, `${name}: ${contrasts}`);
  }
});
