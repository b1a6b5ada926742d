// Runs SQL in ClickHouse and prints its output: a process of its own, so that its 200 MB do not stay.
import { createRequire } from "node:module";

const [folder, format, ...queries] = Deno.args;
Deno.chdir(folder ?? ".");
const require = createRequire(import.meta.url);
const binding = require("@chdb/lib-linux-x64-gnu");
