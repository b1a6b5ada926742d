import { isAbsolute, join } from "node:path";
import { statIfExists } from "../base/atomic_write.ts";
import { compactJson } from "../base/canonical_json.ts";
import { didYouMean } from "../base/closest.ts";
import {
  FieldReader,
  isMapping,
  isScalar,
  type Report,
  type Scalar,
} from "../base/field_reader.ts";
import { sha256 } from "../base/hash.ts";
import { projectRelative, resolveInside } from "../base/project_path.ts";
import { UserError } from "../base/user_error.ts";
import type { ConnectionOption, ConnectionType } from "../model/connection_type.ts";
import { CONNECTION_TYPES, findConnectionType } from "../connections/registry.ts";
import type { EnvName } from "../model/ids.ts";
import type { ParamValue } from "../model/node.ts";
import type { ConnectionSpec, Profile, SchemaEvolution } from "../model/profile.ts";
import {
  findSourceParams,
  parseParams,
  SOURCE_NAMES,
  type SourceParams,
} from "../nodes/source_params.ts";
import { parseYaml, type YamlDocument } from "./yaml_document.ts";

/** Where to look for a profile. */
export interface ProfileRequest {
  /** Absolute project folder. */
  readonly root: string;
  readonly cwd: string;
  /** `--profile` as typed; null: by the environment. */
  readonly explicit: string | null;
  readonly environment: EnvName;
  readonly readVariable: (name: string) => string | undefined;
}

/** The profile of an environment in which nothing is set up. */
export const NO_PROFILE: Profile = {
  file: null,
  hash: "",
  connections: new Map(),
  sourceDefaults: {},
  catalog: null,
  materialize: true,
  schemaEvolution: "safe",
};

/**
 * Finds and reads the profile of an environment: `--profile`, `profiles-ENV.yml` of the project,
 * `~/.seeknal/profiles-ENV.yml`, `profiles.yml` of the project. Values stay as they are written:
 * `${VAR}` is put in when a connection is opened.
 *
 * Reports every problem with its place. Throws a `UserError` `profile_not_found` (2) for a
 * `--profile` that is not there.
 */
export function loadProfile(request: ProfileRequest, report: Report): Profile {
  const found = findProfile(request);
  if (found === null) return NO_PROFILE;
  const { documents, problem } = parseYaml(found.shown, Deno.readTextFileSync(found.path));
  if (problem !== null) {
    report(problem);
    return { ...NO_PROFILE, file: found.shown };
  }
  const document = documents[0];
  if (document === undefined) return { ...NO_PROFILE, file: found.shown };
  if (!isMapping(document.value)) {
    report({
      severity: "error",
      code: "not_a_profile",
      message: "A profile is a mapping with connections",
      ...document.locate([]),
      hint: "write connections:",
    });
    return { ...NO_PROFILE, file: found.shown };
  }
  return readProfile(document, document.value, report);
}

function findProfile(
  { root, cwd, explicit, environment, readVariable }: ProfileRequest,
): { path: string; shown: string } | null {
  if (explicit !== null) {
    const path = isAbsolute(explicit) ? explicit : join(cwd, explicit);
    if (statIfExists(path)?.isFile === true) return { path, shown: shownPath(root, path) };
    throw new UserError(`Profile "${shownPath(root, path)}" does not exist`, {
      code: "profile_not_found",
      kind: "usage",
      hint: "name a file such as profiles-dev.yml, or leave --profile out",
    });
  }
  const home = readVariable("SEEKNAL_BASE_CONFIG_PATH") ??
    join(readVariable("HOME") ?? readVariable("USERPROFILE") ?? "", ".seeknal");
  const own = `profiles-${environment}.yml`;
  const places = [
    { path: join(root, own), shown: own },
    { path: join(home, own), shown: `~/.seeknal/${own}` },
    { path: join(root, "profiles.yml"), shown: "profiles.yml" },
  ];
  return places.find(({ path }) => isAbsolute(path) && statIfExists(path)?.isFile === true) ?? null;
}

function shownPath(root: string, path: string): string {
  const relative = projectRelative(root, path);
  return resolveInside(root, relative) === null ? path : relative;
}

function readProfile(
  document: YamlDocument,
  value: Readonly<Record<string, unknown>>,
  report: Report,
): Profile {
  const reader = new FieldReader(value, { locator: document, path: [], report });
  const connections = new Map<string, ConnectionSpec>();
  for (const [name, entry] of Object.entries(reader.mapping("connections"))) {
    const path = ["connections", name];
    if (!isMapping(entry)) {
      reader.problem(path, "wrong_type", `Connection "${name}" must be a mapping with a type`);
      continue;
    }
    const spec = readConnection(name, reader.child(entry, path), entry, document.file);
    if (spec !== null) connections.set(name, spec);
  }
  const materialization = reader.mapping("materialization");
  const inner = reader.child(materialization, ["materialization"]);
  const sourceDefaults = readSourceDefaults(reader);
  const profile: Profile = {
    file: document.file,
    hash: sha256(compactJson(value)),
    connections,
    sourceDefaults,
    catalog: readCatalog(inner, document.file) ?? defaultCatalog(sourceDefaults, document.file),
    materialize: materialization["enabled"] !== false,
    schemaEvolution: readEvolution(inner),
  };
  // Of the reference system; engine settings are the machine's here, modes and partitions the node's.
  for (const field of ["enabled", "default_mode", "duckdb", "partition_by"]) {
    inner.ignore(field);
  }
  inner.rejectUnknown("materialization");
  for (const field of ["starrocks", "publish"]) reader.ignore(field);
  reader.rejectUnknown("a profile");
  return profile;
}

/** Options that every type of connection has. */
export const COMMON_OPTIONS: Readonly<Record<string, ConnectionOption>> = {
  prefix: {
    doc: "false: write the names as they are, where the environment has a database of its own",
    type: "boolean",
  },
};

function readConnection(
  name: string,
  reader: FieldReader,
  entry: Readonly<Record<string, unknown>>,
  file: string,
): ConnectionSpec | null {
  const typeName = reader.requiredText("type", CONNECTION_TYPES.map((t) => t.name).join(" | "));
  if (typeName === null) return null;
  const type = findConnectionType(typeName);
  if (type === null) {
    const names = CONNECTION_TYPES.map((t) => t.name);
    reader.problem(
      ["type"],
      "unknown_connection_type",
      `Unknown connection type "${typeName}"`,
      didYouMean(typeName, names) ?? `use one of: ${names.join(", ")}`,
    );
    return null;
  }
  const known = { ...type.options, ...COMMON_OPTIONS };
  const options: Record<string, Scalar> = {};
  for (const [option, value] of Object.entries(entry)) {
    if (option === "type") continue;
    const declared = Object.hasOwn(known, option) ? known[option] : undefined;
    if (declared === undefined) {
      reader.problem(
        [option],
        "unknown_option",
        `A ${type.name} connection has no option "${option}"`,
        didYouMean(option, Object.keys(known)) ?? `it has: ${Object.keys(known).join(", ")}`,
      );
    } else if (isScalar(value)) {
      checkOption(reader, option, declared, value);
      if (value !== null) options[option] = value;
    } else reader.problem([option], "wrong_type", `"${option}" must be a single value`);
  }
  checkRequired(reader, type, options);
  return { name, type: type.name, options, file };
}

function checkOption(
  reader: FieldReader,
  option: string,
  { type, values, secret, doc }: ConnectionOption,
  value: Scalar,
): void {
  const text = String(value);
  // What a variable stands for is known when connecting.
  if (text.includes("${")) return;
  const fits = value === null || type === "text" ||
    (type === "boolean" ? /^(true|false)$/i.test(text) : Number.isFinite(Number(text))) &&
      (type !== "integer" || Number.isInteger(Number(text)));
  if (!fits) {
    reader.problem([option], "wrong_type", `"${option}" must be ${WORDS[type]}`, doc);
  } else if (values !== undefined && value !== null && !values.includes(text)) {
    const hint = didYouMean(text, values) ?? `use one of: ${values.join(", ")}`;
    reader.problem([option], "wrong_value", `Unknown ${option} "${text}"`, hint);
  } else if (secret === true && text !== "") {
    reader.warning(
      [option],
      "secret_in_profile",
      `"${option}" is written into the profile`,
      `keep it in an environment variable: ${option}: \${MY_${option.toUpperCase()}}`,
    );
  }
}

const WORDS: Readonly<Record<ConnectionOption["type"], string>> = {
  text: "a text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
};

function checkRequired(
  reader: FieldReader,
  type: ConnectionType,
  options: Readonly<Record<string, Scalar>>,
): void {
  for (const [option, { required, doc }] of Object.entries(type.options)) {
    if (required === true && !Object.hasOwn(options, option)) {
      reader.problem([], "missing_field", `Option "${option}" is missing: ${doc}`);
    }
  }
}

function readSourceDefaults(reader: FieldReader): Profile["sourceDefaults"] {
  const defaults: Record<string, Readonly<Record<string, ParamValue>>> = {};
  for (const [name, values] of Object.entries(reader.mapping("source_defaults"))) {
    const path = ["source_defaults", name];
    const type = findSourceParams(name);
    if (!isMapping(values)) {
      reader.problem(path, "wrong_type", `Defaults of "${name}" must be a mapping of params`);
    } else if (type === null) {
      const hint = didYouMean(name, SOURCE_NAMES) ?? `use one of: ${SOURCE_NAMES.join(", ")}`;
      reader.warning(path, "unknown_source", `There is no source type "${name}"`, hint);
    } else {
      const own = readDefaults(reader, type, values, path);
      defaults[type.name] = { ...defaults[type.name], ...own };
    }
  }
  return defaults;
}

/** Defaults of Iceberg sources that are about the catalog, in the reference system's form. */
const CATALOG_DEFAULTS: readonly string[] = ["catalog_uri", "warehouse"];

function readDefaults(
  reader: FieldReader,
  type: SourceParams,
  values: Readonly<Record<string, unknown>>,
  path: readonly string[],
): Record<string, ParamValue> {
  const catalog: Record<string, Scalar> = {};
  const params: Record<string, unknown> = {};
  for (const [param, value] of Object.entries(values)) {
    if (type.name === "iceberg" && CATALOG_DEFAULTS.includes(param) && isScalar(value)) {
      catalog[param] = value;
    } else if (Object.hasOwn(type.params, param)) params[param] = value;
    else {
      const names = Object.keys(type.params);
      reader.warning(
        [...path, param],
        "unknown_param",
        `Source type "${type.name}" has no parameter "${param}", and this has no effect`,
        didYouMean(param, names) ?? `it has: ${names.join(", ")}`,
      );
    }
  }
  return { ...catalog, ...parseParams(reader, type, params, path) };
}

/** The one catalog of profiles in the reference system's form: tables whose catalog is no connection are in it. */
function readCatalog(reader: FieldReader, file: string): ConnectionSpec | null {
  const value = reader.mapping("catalog");
  if (Object.keys(value).length === 0) return null;
  const { type = "rest", bearer_token, ...rest } = value;
  const entry = {
    ...rest,
    type: "iceberg",
    catalog: type,
    ...(bearer_token === undefined ? {} : { token: bearer_token }),
  };
  return readConnection("catalog", reader.child(entry, ["catalog"]), entry, file);
}

/** The catalog that defaults of Iceberg sources name, in the reference system's form. */
function defaultCatalog(
  defaults: Profile["sourceDefaults"],
  file: string,
): ConnectionSpec | null {
  const { catalog_uri, warehouse } = defaults["iceberg"] ?? {};
  if (!isScalar(catalog_uri) || !isScalar(warehouse)) return null;
  const options = { catalog: "rest", uri: catalog_uri, warehouse };
  return { name: "catalog", type: "iceberg", options, file };
}

function readEvolution(reader: FieldReader): SchemaEvolution {
  const value = reader.mapping("schema_evolution");
  const mode = value["mode"] ?? "safe";
  const known: readonly SchemaEvolution[] = ["safe", "auto", "strict"];
  const found = known.find((name) => name === mode);
  if (found !== undefined) return found;
  reader.problem(
    ["schema_evolution", "mode"],
    "wrong_value",
    `Unknown schema_evolution mode "${mode}"`,
    `use one of: ${known.join(", ")}`,
  );
  return "safe";
}
