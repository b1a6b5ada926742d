/** The program's version; equal to `version` in `deno.json`, which a test compares. */
export const VERSION = "0.1.0";
