import { cpSync } from "node:fs";
import { join } from "node:path";

/*
 * Walks through the loop on a copy of the jaffle shop: production, a change in an environment,
 * promotion, rollback. The copy stays, so that one can go on with it.
 */

const REPOSITORY = join(import.meta.dirname!, "..");
const EDITED = "seeknal/transforms/staging.yml";
const OLD_LINE = "    CAST(amount AS DECIMAL(10, 2)) / {{ cents }} AS amount";
const NEW_LINE = `    CASE
      WHEN payment_method = 'coupon' THEN 0
      ELSE CAST(amount AS DECIMAL(10, 2)) / {{ cents }}
    END AS amount`;
const REVENUE = "SELECT count(*) AS orders, sum(amount) AS revenue FROM transform.orders";

const isScreen = Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");
const style = (code: number, text: string) => isScreen ? `\x1b[${code}m${text}\x1b[0m` : text;

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

function heading(text: string): void {
  say(`\n${style(1, `== ${text}`)}\n`);
}

/** Prints a command and runs it in the project; ends the demo when it fails. */
async function run(shown: string, program: string, args: readonly string[]): Promise<void> {
  say(style(36, `$ ${shown}`));
  const { code } = await new Deno.Command(program, {
    args: [...args],
    cwd: project,
    env: { GIT_PAGER: "cat" },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  say("");
  if (code === 0) return;
  say(`The demo stops here: exit code ${code}. The project is in ${project}`);
  Deno.exit(1);
}

async function seeknal(...args: string[]): Promise<void> {
  const shown = args.map((arg) => /[ *()]/.test(arg) ? `"${arg}"` : arg).join(" ");
  await run(`seeknal ${shown}`, Deno.execPath(), [...PROGRAM, ...args]);
}

/** Replaces one piece of a project file and shows the lines that changed. */
function edit(path: string, before: string, after: string): void {
  const file = join(project, path);
  const text = Deno.readTextFileSync(file);
  if (text.split(before).length !== 2) throw new Error(`"${before}" is not once in ${path}`);
  Deno.writeTextFileSync(file, text.replace(before, after));
  say(path);
  for (const line of before.split("\n")) say(style(31, `- ${line}`));
  for (const line of after.split("\n")) say(style(32, `+ ${line}`));
  say("");
}

async function hasGit(): Promise<boolean> {
  try {
    return (await new Deno.Command("git", { args: ["--version"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const PROGRAM = [
  "run",
  "-A",
  "--config",
  join(REPOSITORY, "deno.json"),
  join(REPOSITORY, "main.ts"),
];
const project = join(Deno.makeTempDirSync({ prefix: "seeknal_demo_" }), "jaffle_shop");
cpSync(join(REPOSITORY, "fixtures", "projects", "jaffle_shop"), project, { recursive: true });
say(`The jaffle shop: three CSV files, eight nodes, in ${project}`);

heading("The first production: plan it in dev, build it, promote it");
await seeknal("plan", "dev");
await seeknal("run", "--env", "dev");
await seeknal("promote", "dev", "--yes");

heading("A change: coupons are no revenue");
edit(EDITED, OLD_LINE, NEW_LINE);
await seeknal("plan", "dev");
await seeknal("lineage", "orders.amount", "--upstream");

heading("Build what the change affects, and look at it next to production");
await seeknal("run", "--env", "dev");
await seeknal("diff", "dev", "--stat");
await seeknal("table-diff", "prod:dev", "orders", "--on", "order_id");
await seeknal("query", REVENUE, "--env", "dev");
await seeknal("query", REVENUE);

heading("Make it production: no data is copied, nothing is built again");
await seeknal("promote", "dev", "--yes");
await seeknal("query", REVENUE);

heading("Take it back");
await seeknal("rollback", "--yes");
await seeknal("query", REVENUE);

heading("What happened: every environment is a branch of a Git repository");
await seeknal("history");
await seeknal("env", "list");
if (await hasGit()) {
  const log = ["-C", "target/state.git", "log", "--oneline", "--graph", "--all"];
  await run(`git ${log.join(" ")}`, "git", log);
}

say(`The project stays in ${project}
Go on there with:

    alias seeknal='deno ${PROGRAM.join(" ")}'
    cd ${project}
    seeknal plan dev     # the files still hold the change; edit a node, or promote it again`);
