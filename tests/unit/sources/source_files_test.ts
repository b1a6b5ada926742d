import assert from "node:assert/strict";
import { differingColumns } from "../../../src/sources/same_columns.ts";
import { findSourceFiles, namesManyFiles } from "../../../src/sources/source_files.ts";
import { TempDir } from "../../support/temp_dir.ts";

const CSV = [".csv", ".csv.gz"];

Deno.test("findSourceFiles() takes all files of the type below a folder, and no hidden ones", () => {
  using dir = new TempDir();
  for (
    const path of [
      "d/b.csv",
      "d/x/y/a.CSV.GZ",
      "d/.hidden.csv",
      "d/_tmp/c.csv",
      "d/readme.md",
      "d/target/t.csv",
      "target/z.csv",
    ]
  ) dir.write(path, "");
  const expected = ["d/b.csv", "d/target/t.csv", "d/x/y/a.CSV.GZ"];
  for (const table of ["d", "d/", "./d"]) {
    assert.deepEqual(findSourceFiles(dir.path, table, CSV).files, expected, table);
    assert.ok(namesManyFiles(dir.path, table));
  }
  // What Seeknal writes is not data.
  assert.deepEqual(findSourceFiles(dir.path, ".", CSV).files, expected);
  assert.equal(namesManyFiles(dir.path, "d/b.csv"), false);
  const empty = findSourceFiles(dir.path, "d", [".parquet"]);
  assert.match(empty.problem!.message, /holds no file of this type/);
});

Deno.test("findSourceFiles() follows no link to a folder and refuses files outside the project", () => {
  using dir = new TempDir();
  using other = new TempDir();
  other.write("secret.csv", "");
  dir.write("d/a.csv", "");
  Deno.symlinkSync(other.path, dir.join("d", "out"));
  assert.deepEqual(findSourceFiles(dir.path, "d", CSV).files, ["d/a.csv"]);
  Deno.symlinkSync(other.join("secret.csv"), dir.join("d", "link.csv"));
  assert.match(findSourceFiles(dir.path, "d", CSV).problem!.message, /leads out of the project/);
});

Deno.test("differingColumns() names what a file has more or less, whatever the order and case", () => {
  const file = (name: string, ...columns: string[]) => ({ file: name, columns });
  assert.equal(differingColumns([file("a", "id", "x"), file("b", "X", "ID")]), null);
  assert.equal(
    differingColumns([file("a", "id", "x"), file("b", "id", "x"), file("c", "id", "y")]),
    '"c" has other columns than "a": it lacks x, and it has y besides',
  );
});
