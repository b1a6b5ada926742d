import { registerHooks } from "node:module";
import { type Module, SourceTextModule, SyntheticModule } from "node:vm";
import { posix } from "node:path";
import { arrow } from "../arrow/input_table.ts";
import { stripTypes } from "../base/strip_types.ts";
import { ScriptError } from "./script_error.ts";
import { refused } from "./script_sandbox.ts";

/**
 * Loads a script and the files it imports from their text. V8 parses the modules and we link them:
 * nothing but these files and "apache-arrow" can be imported, neither with the code nor while it runs.
 * Returns the default export.
 */
export async function loadScript(
  modules: Readonly<Record<string, string>>,
  main: string,
): Promise<(inputs: unknown, context: unknown) => unknown> {
  const loaded = new Map<string, Module>();
  const load = (path: string): Module => {
    const known = loaded.get(path);
    if (known !== undefined) return known;
    const module = new SourceTextModule(stripTypes(modules[path]!), {
      identifier: path,
      initializeImportMeta: (meta: object) => Object.assign(meta, { url: path }),
      importModuleDynamically: async (specifier: string) => await importFrom(specifier, path),
    });
    loaded.set(path, module);
    return module;
  };
  const find = (specifier: string, from: string): Module => {
    if (specifier === "apache-arrow") return arrowModule(loaded);
    const path = posix.normalize(posix.join(posix.dirname(from), specifier));
    if (/^\.\.?\//.test(specifier) && Object.hasOwn(modules, path)) return load(path);
    throw refused(`to import "${specifier}"`);
  };
  const link = async (module: Module) => {
    if (module.status === "unlinked") {
      await module.link((specifier, referencing) => find(specifier, referencing.identifier));
    }
    if (module.status === "linked") await module.evaluate();
    return module;
  };
  const importFrom = (specifier: string, from: string) => link(find(specifier, from));
  // What is imported from code that was made at run time (`new Function`) has no linker: it comes by here.
  registerHooks({
    resolve: (specifier) => {
      throw refused(`to import "${specifier}"`);
    },
  });
  const module = await link(load(main));
  const { default: run } = module.namespace as { default?: unknown };
  if (typeof run === "function") return run as (inputs: unknown, context: unknown) => unknown;
  throw new ScriptError(
    "It has no default export that is a function",
    "write: export default function (inputs, context) { … }",
  );
}

function arrowModule(loaded: Map<string, Module>): Module {
  const known = loaded.get("apache-arrow");
  if (known !== undefined) return known;
  const names = Object.keys(arrow);
  const module = new SyntheticModule(names, () => {
    for (const name of names) module.setExport(name, Reflect.get(arrow, name));
  });
  loaded.set("apache-arrow", module);
  return module;
}
