/**
 * Shares Iceberg tables with other programs, in both directions: they read and change what Seeknal wrote,
 * Seeknal reads and changes what they wrote. Downloads them from PyPI and Maven Central where those can be reached, and
 * says what was skipped. `deno run -A scripts/interop/interop.ts [pyiceberg] [java] [rest]`
 */
import { join } from "node:path";
import { javaChecks } from "./java_checks.ts";
import { JavaRestServer } from "./java_server.ts";
import { SeeknalPeer } from "./peer.ts";
import { javaPeer, python, run } from "./programs.ts";
import { pyicebergChecks } from "./pyiceberg_checks.ts";
import { equal, Report } from "./report.ts";

const report = new Report();
const isWanted = (name: string) => Deno.args.length === 0 || Deno.args.includes(name);
const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "seeknal-interop-" }));

try {
  if (isWanted("pyiceberg")) {
    await report.group("pyiceberg 0.12.0, SQL catalog in SQLite", python, async (program) => {
      const database = join(folder, "sqlite", "catalog.db");
      const warehouse = join(folder, "sqlite", "warehouse");
      await using seeknal = await SeeknalPeer.open(folder, {
        uri: `sqlite:${database}`,
        warehouse,
      });
      const properties = {
        type: "sql",
        uri: `sqlite:///${database}`,
        warehouse: `file://${warehouse}`,
      };
      await pyicebergChecks(report, seeknal, { python: program, properties }, folder, "sq");
    });
  }

  if (isWanted("java")) {
    await report.group("Iceberg 1.10.1 (Java), JdbcCatalog in SQLite", javaPeer, async (args) => {
      const database = join(folder, "jdbc", "catalog.db");
      const warehouse = join(folder, "jdbc", "warehouse");
      await using seeknal = await SeeknalPeer.open(folder, {
        uri: `sqlite:${database}`,
        warehouse,
      });
      await javaChecks(report, seeknal, { args, database, warehouse }, folder);
    });
  }

  const database = join(folder, "rest-catalog.db");
  const warehouse = join(folder, "rest-warehouse");
  const start = () => JavaRestServer.start(database, warehouse);
  if (isWanted("rest")) {
    await report.group("Iceberg 1.10.1 REST server (Java)", start, async (started) => {
      await using server = started;
      await report.check("it is a catalog as ours are", async () => {
        const script = join(import.meta.dirname ?? ".", "java_contract.ts");
        Deno.env.set("SEEKNAL_INTEROP_URI", server.uri);
        await run(Deno.execPath(), ["test", "-A", "--quiet", "--no-check", script]);
      });
      await using seeknal = await SeeknalPeer.open(folder, { catalog: "rest", uri: server.uri });
      const program = await python();
      const properties = { type: "rest", uri: server.uri };
      await pyicebergChecks(report, seeknal, { python: program, properties }, folder, "rs");
      await report.check("its SQLite file is a catalog for us", async () => {
        await using direct = await SeeknalPeer.open(folder, {
          uri: `sqlite:${database}`,
          warehouse,
        });
        const before = await direct.value(`SELECT count(*) FROM ${await direct.scan("rs.race")}`);
        await direct.put(
          "rs.race",
          "SELECT 77::BIGINT AS id, 'direct' AS name, DATE '2026-01-01' AS day",
          {
            mode: "append",
          },
        );
        const after = await seeknal.value(`SELECT count(*) FROM ${await seeknal.scan("rs.race")}`);
        equal(Number(after), Number(before) + 1, "rows");
      });
    });
  }
} finally {
  Deno.removeSync(folder, { recursive: true });
}

Deno.exitCode = report.finish() ? 0 : 1;
