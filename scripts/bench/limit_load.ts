/** The limit of a plan that finds nothing to do: reading and parsing every node file. Argument: project folder. */
import { join } from "node:path";
import { load } from "js-yaml";

const visit = (folder: string) => {
  for (const entry of Deno.readDirSync(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) visit(path);
    else load(Deno.readTextFileSync(path));
  }
};
visit(join(Deno.args[0]!, "seeknal"));
