import { realHost } from "./src/cli/real_host.ts";
import { realTerminal } from "./src/cli/real_terminal.ts";
import { runCli } from "./src/cli/cli.ts";

const host = realHost(import.meta.dirname);
const code = await runCli(Deno.args, { host, terminal: realTerminal(Deno.args) });
Deno.exit(code);
