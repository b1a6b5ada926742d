import type { Command } from "../command.ts";
import { PARSE } from "./parse.ts";

/** `validate` */
export const VALIDATE: Command = {
  ...PARSE,
  name: "validate",
  summary: "The same as parse: exit 3 where the project has problems",
  examples: ["seeknal validate && echo fine"],
};
