/**
 * Shares Iceberg tables with other programs, in both directions: they read and change what Seeknal wrote,
 * Seeknal reads and changes what they wrote. Downloads them from PyPI and Maven Central where those can be reached, and
 * says what was skipped. `deno run -A scripts/interop/interop.ts`
 */
import { join } from "node:path";
import { SeeknalPeer } from "./peer.ts";
import { python } from "./programs.ts";
import { pyicebergChecks } from "./pyiceberg_checks.ts";
import { Report } from "./report.ts";

const report = new Report();
const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "seeknal-interop-" }));

try {
  await report.group("pyiceberg 0.12.0, SQL catalog in SQLite", python, async (program) => {
    const database = join(folder, "sqlite", "catalog.db");
    const warehouse = join(folder, "sqlite", "warehouse");
    await using seeknal = await SeeknalPeer.open(folder, { uri: `sqlite:${database}`, warehouse });
    const properties = {
      type: "sql",
      uri: `sqlite:///${database}`,
      warehouse: `file://${warehouse}`,
    };
    await pyicebergChecks(report, seeknal, { python: program, properties }, folder, "sq");
  });
} finally {
  Deno.removeSync(folder, { recursive: true });
}

Deno.exitCode = report.finish() ? 0 : 1;
