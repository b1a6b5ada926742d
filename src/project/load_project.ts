import { withArticle } from "../base/article.ts";
import { basename, join } from "node:path";
import { didYouMean } from "../base/closest.ts";
import { compareText, type Diagnostic } from "../base/diagnostic.ts";
import { FieldReader, isMapping, type Locator, type Report } from "../base/field_reader.ts";
import { readTextIfExists } from "../base/atomic_write.ts";
import { projectRelative, resolveInside } from "../base/project_path.ts";
import {
  AUTO_CATEGORIZE,
  type AutoCategorize,
  LINT_LEVELS,
  type LintLevel,
  type ProjectConfig,
} from "../model/config.ts";
import { type NodeId, nodeId } from "../model/ids.ts";
import type { MaterializationSpec } from "../model/materialization.ts";
import type {
  DeclaredColumn,
  NodeCommon,
  NodeSpec,
  ScriptNodeSpec,
  ScriptSpec,
} from "../model/node.ts";
import { DEFAULT_TTL_SECONDS } from "../model/snapshot.ts";
import type { LoadedNode, NodeKind } from "../nodes/node_kind.ts";
import { refId } from "../nodes/ref_id.ts";
import { parseScriptNode } from "../nodes/script_node.ts";
import { readAudits } from "../checks/read_audits.ts";
import { findNodeKind, NODE_KINDS } from "../nodes/registry.ts";
import { findTargetType, TARGET_TYPES } from "../targets/registry.ts";
import { PROJECT_FILE, TEMPLATES_DIR } from "./find_project.ts";
import { codeLanguage, readCodeFile } from "./code_file.ts";
import { COMMON_DIR, type CommonSnippets, loadSnippets } from "./common_snippets.ts";
import { withModules } from "./script_modules.ts";
import { connectNodes, withInnerNodes } from "./connect_nodes.ts";
import { parseYaml, SIZE_LIMIT_BYTES, tooLarge } from "./yaml_document.ts";

/** A project as its files say it, with every problem found while reading. */
export interface LoadedProject {
  readonly config: ProjectConfig;
  /** In id order; nodes with problems of their own may be missing. */
  readonly nodes: readonly LoadedNode[];
  /** Names of nodes that are there but have problems of their own; guessed from the file name where a file cannot be parsed. */
  readonly broken: ReadonlySet<string>;
  readonly snippets: CommonSnippets;
  readonly diagnostics: readonly Diagnostic[];
}

const NODES_DIR = "seeknal";
/** Folders whose files are no nodes: snippets, and what drafts begin with. */
const NOT_NODES = [COMMON_DIR, TEMPLATES_DIR];
/** Anything else would read as U+FFFD, and an edit of it would go unnoticed. */
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Names become file names: what file systems hold is counted in bytes. */
const NAME_BYTES = 200;

const NAME_REGEXP = /^[\p{L}_][\p{L}\p{N}_-]{0,127}$/u;

/** No file is taken for another. */
export const NO_OVERLAY: Overlay = { nodes: new Map(), snippets: new Map() };

/** Texts that are taken as if they were files of the project: drafts. */
export interface Overlay {
  /**
   * Files of nodes by project-relative path, wherever it leads. They stand for a file of that path, and their
   * nodes for nodes of the same id in other files.
   */
  readonly nodes: ReadonlyMap<string, string>;
  /** Files of `seeknal/common/` by project-relative path. */
  readonly snippets: ReadonlyMap<string, string>;
}

/** Reads `seeknal_project.yml` and all node files. Reports problems, never throws for one. */
export function loadProject(root: string, overlay: Overlay = NO_OVERLAY): LoadedProject {
  const diagnostics: Diagnostic[] = [];
  const report: Report = (diagnostic) => diagnostics.push(diagnostic);
  const config = loadConfig(root, report);
  const files = findNodeFiles(root, report).filter((file) => !overlay.nodes.has(file));
  const broken = new Set<string>();
  const laid = withInnerNodes(
    [...overlay.nodes].flatMap(([file, text]) => loadText(root, { file, text }, report, broken)),
  );
  const replaced = new Set(laid.map(({ spec }) => spec.id.toLowerCase()));
  const stays = ({ spec }: LoadedNode) => !replaced.has(spec.id.toLowerCase());
  const there = files.flatMap((file) => loadFile(root, file, report, broken)).filter(stays);
  const written = [...withInnerNodes(there).filter(stays), ...laid];
  if (files.length + overlay.nodes.size + overlay.snippets.size === 0) report(noNodes());
  const snippets = loadSnippets(root, report, overlay.snippets);
  const nodes = connectNodes(unique(written, report), broken, report);
  return { config, nodes, broken, snippets, diagnostics };
}

/** Name of the project, as its file says; empty where it cannot be read. */
export function projectName(root: string): string {
  return projectConfig(root).name;
}

/** What `seeknal_project.yml` says, as far as it can be read. */
export function projectConfig(root: string): ProjectConfig {
  return loadConfig(root, () => {});
}

function loadConfig(root: string, report: Report): ProjectConfig {
  const fallback: ProjectConfig = {
    name: "",
    version: null,
    description: null,
    ttlSeconds: DEFAULT_TTL_SECONDS,
    autoCategorize: "full",
    lint: {},
  };
  const { documents, problem } = parseYaml(
    PROJECT_FILE,
    Deno.readTextFileSync(join(root, PROJECT_FILE)),
  );
  if (problem !== null) {
    report(problem);
    return fallback;
  }
  const document = documents[0];
  if (document === undefined || !isMapping(document.value)) {
    report(emptyConfig());
    return fallback;
  }
  const reader = new FieldReader(document.value, { locator: document, path: [], report });
  const environments = reader.mapping("environments");
  const inner = reader.child(environments, ["environments"]);
  const ttlDays = inner.optionalPositive("ttl_days");
  inner.rejectUnknown("environments");
  const config = {
    name: reader.requiredText("name", "my_project") ?? "",
    version: reader.optionalText("version"),
    description: reader.optionalText("description"),
    ttlSeconds: ttlDays === null ? DEFAULT_TTL_SECONDS : Math.round(ttlDays * 86_400),
    autoCategorize: readAutoCategorize(reader),
    lint: readLint(reader),
  };
  // Written by the reference system's `init`; they decide nothing here.
  for (const field of ["profile", "config-version", "state_backend"]) reader.optionalText(field);
  reader.rejectUnknown(PROJECT_FILE);
  return config;
}

function readAutoCategorize(reader: FieldReader): AutoCategorize {
  const written = reader.optionalText("auto_categorize") ?? "full";
  const mode = AUTO_CATEGORIZE.find((value) => value === written.toLowerCase());
  if (mode !== undefined) return mode;
  const hint = didYouMean(written, AUTO_CATEGORIZE) ??
    `write one of: ${AUTO_CATEGORIZE.join(", ")}`;
  reader.problem(["auto_categorize"], "wrong_value", `Unknown auto_categorize "${written}"`, hint);
  return "full";
}

/** `lint: {rule: off | warn | error}`; YAML reads a bare off as false in some editions. */
function readLint(reader: FieldReader): Record<string, LintLevel> {
  const levels: Record<string, LintLevel> = {};
  for (const [rule, value] of Object.entries(reader.mapping("lint"))) {
    const word = value === false ? "off" : value === "warning" ? "warn" : value;
    const level = LINT_LEVELS.find((known) => known === word);
    if (level !== undefined) levels[rule] = level;
    else {
      const problem = `Unknown level "${value}" of the lint rule ${rule}`;
      reader.problem(["lint", rule], "wrong_value", problem, "write off, warn or error");
    }
  }
  return levels;
}

function emptyConfig(): Diagnostic {
  return {
    severity: "error",
    code: "empty_project",
    message: `${PROJECT_FILE} is not a mapping`,
    file: PROJECT_FILE,
    line: 1,
    column: 1,
    hint: "write name: my_project",
  };
}

function noNodes(): Diagnostic {
  return {
    severity: "error",
    code: "no_nodes",
    message: `No node files in ${NODES_DIR}/`,
    file: NODES_DIR,
    hint:
      `write ${NODES_DIR}/sources/NAME.yml with kind: source, or look at a project made by seeknal init`,
  };
}

/** Node files below `seeknal/`, sorted; folders of other things and hidden names are left out. */
function findNodeFiles(root: string, report: Report): string[] {
  const files: string[] = [];
  const visit = (folder: string) => {
    let entries: Deno.DirEntry[];
    try {
      entries = [...Deno.readDirSync(folder)];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.name.startsWith(".")) continue;
      if (entry.isSymlink) report(symlink(projectRelative(root, path)));
      else if (entry.isDirectory) {
        if (!NOT_NODES.includes(projectRelative(root, path))) visit(path);
      } else if (/\.ya?ml$/.test(entry.name) || codeLanguage(entry.name) !== null) {
        files.push(projectRelative(root, path));
      }
    }
  };
  visit(join(root, NODES_DIR));
  return files.sort(compareText);
}

function symlink(file: string): Diagnostic {
  return {
    severity: "warning",
    code: "symbolic_link",
    message: "Symbolic links are not followed",
    file,
    hint: "put the node file itself here",
  };
}

function loadFile(
  root: string,
  file: string,
  report: Report,
  broken: Set<string>,
): LoadedNode[] {
  let text: string;
  try {
    if (Deno.statSync(join(root, file)).size > SIZE_LIMIT_BYTES) {
      report(tooLarge(file));
      broken.add(nameOfFile(file));
      return [];
    }
    text = UTF8.decode(Deno.readFileSync(join(root, file)));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const message = error instanceof TypeError ? "File is not UTF-8 text" : error.message;
    const hint = "save it as UTF-8, and see that it can be read";
    report({ severity: "error", code: "unreadable", message, file, hint });
    broken.add(nameOfFile(file));
    return [];
  }
  return loadText(root, { file, text }, report, broken);
}

function loadText(
  root: string,
  { file, text }: { readonly file: string; readonly text: string },
  report: Report,
  broken: Set<string>,
): LoadedNode[] {
  const { documents, problem } = readDocuments(file, text);
  if (problem !== null) {
    report(problem);
    broken.add(nameOfFile(file));
    return [];
  }
  const context = { root, report, broken };
  return documents.flatMap((document) => loadNode(document, context) ?? []);
}

/** A node as a file holds it. */
interface NodeDocument {
  readonly file: string;
  readonly value: unknown;
  readonly locator: Locator;
  /** Code that makes the rows, where the file is one of code. */
  readonly script: ScriptSpec | null;
}

type NodeDocuments =
  | { readonly documents: readonly NodeDocument[]; readonly problem: null }
  | { readonly documents: null; readonly problem: Diagnostic };

/** The nodes of a YAML file; the one that a file of code is. Code without a header is SQL, or no node. */
function readDocuments(file: string, text: string): NodeDocuments {
  const language = codeLanguage(file);
  if (language === null) {
    const { documents, problem } = parseYaml(file, text);
    if (problem !== null) return { documents: null, problem };
    return {
      problem: null,
      documents: documents.map((document) => ({
        file,
        value: document.value,
        locator: document,
        script: null,
      })),
    };
  }
  const read = readCodeFile(file, text, language);
  if (read.problem !== null) return { documents: null, problem: read.problem };
  const { fields, code, locator, hasHeader } = read.file;
  if (language !== "sql" && !hasHeader) return { documents: [], problem: null };
  const value: Record<string, unknown> = { kind: "transform", name: nameOfFile(file), ...fields };
  if (language === "sql") {
    const field = findNodeKind(String(value["kind"]))?.sqlField ?? "transform";
    value[field] = code;
  }
  const { line } = locator.locateInText(["script"], 1, 1);
  const script = language === "sql" ? null : { language, file, code, line, modules: {} };
  return { problem: null, documents: [{ file, value, locator, script }] };
}

interface LoadContext {
  readonly root: string;
  readonly report: Report;
  readonly broken: Set<string>;
}

/** The node that a file is probably about. */
function nameOfFile(file: string): string {
  return basename(file).replace(/\.(ya?ml|sql|ts|py)$/, "");
}

function loadNode(document: NodeDocument, context: LoadContext): LoadedNode | null {
  const { file, value, locator } = document;
  const { report, broken } = context;
  if (!isMapping(value)) {
    report({
      severity: "error",
      code: "not_a_node",
      message: "A node is a mapping with kind and name",
      ...locator.locate([]),
      hint: "write kind: transform",
    });
    return null;
  }
  const reader = new FieldReader(value, { locator, path: [], report });
  const kindName = reader.requiredText("kind", NODE_KINDS.map((k) => k.kind).join(" | "));
  const name = readName(reader);
  const kind = kindName === null ? null : findNodeKind(kindName);
  if (kind === null && name !== null) broken.add(name);
  if (kindName === null) return null;
  if (kind === null) {
    const known = NODE_KINDS.map((k) => k.kind);
    const hint = didYouMean(kindName, known) ?? `use one of: ${known.join(", ")}`;
    reader.problem(["kind"], "unknown_kind", `Unknown kind "${kindName}"`, hint);
    return null;
  }
  const spec = parseSpec(reader, kind, name ?? "unnamed", document, context);
  reader.rejectUnknown(withArticle(kind.kind), {
    sql: "write transform:",
    query: "write transform:",
  });
  if (spec === null && name !== null) broken.add(name);
  if (spec === null || name === null) return null;
  return { spec, file, locator };
}

/** The node's own fields: those of its kind, or of a script that makes its rows. */
function parseSpec(
  reader: FieldReader,
  kind: NodeKind,
  name: string,
  document: NodeDocument,
  { root, report }: LoadContext,
): NodeSpec | null {
  const common = readCommon(reader, kind, name);
  if (document.script === null && !reader.has("script")) return kind.parse(reader, common);
  if (!kind.takesScript) {
    reader.problem(
      document.script === null ? ["script"] : ["kind"],
      "no_script",
      `A ${kind.kind} is not made by a script`,
      `scripts make: ${NODE_KINDS.filter((k) => k.takesScript).map((k) => k.kind).join(", ")}`,
    );
    reader.ignore("script");
    return null;
  }
  const read = document.script ?? readScript(reader, root);
  const own = kind.parseScripted === undefined ? common : kind.parseScripted(reader, common);
  if (read === null || own === null) return null;
  const spec: ScriptNodeSpec | null = kind.parseScript === undefined
    ? parseScriptNode(reader, own, read)
    : kind.parseScript(reader, own, read);
  const script = withModules(read, root, report);
  if (spec === null || script === null) return null;
  const whole: ScriptNodeSpec = { ...spec, script };
  return whole;
}

/** `script: path/of/code.py`, relative to the project. */
function readScript(reader: FieldReader, root: string): ScriptSpec | null {
  const file = reader.requiredText("script", "seeknal/scripts/name.ts");
  if (file === null) return null;
  const language = codeLanguage(file);
  const path = resolveInside(root, file);
  const text = path === null ? null : readTextIfExists(path);
  if (language === null || language === "sql") {
    reader.problem(["script"], "script_language", `"${file}" is neither .ts nor .py`);
    return null;
  }
  if (text === null) {
    const why = path === null ? "leads out of the project" : "does not exist";
    const hint = `paths are relative to ${root}`;
    reader.problem(["script"], "script_file", `Script "${file}" ${why}`, hint);
    return null;
  }
  return { language, file, code: text, line: 1, modules: {} };
}

function readName(reader: FieldReader): string | null {
  const name = reader.requiredText("name", "clean_orders");
  if (name === null) return null;
  const isShort = new TextEncoder().encode(name).length <= NAME_BYTES;
  if (isShort && NAME_REGEXP.test(name)) return name;
  reader.problem(
    ["name"],
    "invalid_name",
    `Invalid name "${name}"`,
    'start with a letter, then letters, digits, "_" or "-", at most 128',
  );
  return null;
}

function readCommon(reader: FieldReader, kind: NodeKind, name: string): NodeCommon {
  const fields = kind.ownsTests === true ? ["audits"] as const : ["audits", "tests"] as const;
  const { audits, places } = readAudits(reader, kind.hasRows ? fields : []);
  return {
    id: nodeId(kind.kind, name),
    kind: kind.kind,
    name,
    description: reader.optionalText("description"),
    owner: reader.optionalText("owner"),
    tags: reader.texts("tags"),
    inputs: kind.ownsInputs === true ? [] : readInputs(reader),
    columns: readColumns(reader),
    grain: reader.texts("grain"),
    materializations: kind.hasRows ? readMaterializations(reader, kind) : [],
    ...(audits.length === 0 ? { audits } : { audits, auditPlaces: places }),
  };
}

/** `inputs`, or `depends_on`: what a node reads. */
function readInputs(reader: FieldReader): NodeId[] {
  const inputs: NodeId[] = [];
  const field = reader.has("depends_on") && !reader.has("inputs") ? "depends_on" : "inputs";
  if (reader.isMapping(field)) {
    reader.ignore(field);
    reader.problem(
      [field],
      "invalid_input",
      `"${field}" is a list of nodes, and another name for one is given in the SQL`,
      "write - ref: kind.name, and FROM ref('kind.name') AS name",
    );
    return [];
  }
  reader.list(field).forEach((item, i) => {
    const ref = isMapping(item) ? item["ref"] : item;
    const extra = isMapping(item) ? Object.keys(item).find((key) => key !== "ref") : undefined;
    if (typeof ref !== "string" || extra !== undefined) {
      reader.problem([field, i], "invalid_input", "An input is written - ref: kind.name");
      return;
    }
    const id = refId(ref);
    if (/^[^.\s]+\.[^.\s]+$/.test(id)) inputs.push(id as NodeId);
    else {
      reader.problem(
        [field, i],
        "invalid_input",
        `"${ref}" is not the id of a node`,
        "write kind.name, for example source.orders",
      );
    }
  });
  return inputs;
}

/** `materializations`, a list, or `materialization`, one of them or a list. */
function readMaterializations(reader: FieldReader, kind: NodeKind): MaterializationSpec[] {
  const [plural, singular] = ["materializations", "materialization"] as const;
  const isSingular = kind.ownsMaterialization !== true && reader.has(singular);
  if (isSingular && reader.has(plural)) {
    reader.problem(
      [singular],
      "two_materializations",
      `"${singular}" and "${plural}" are both written`,
      `write ${plural}: only`,
    );
    reader.ignore(plural);
  }
  const field = isSingular ? singular : plural;
  return reader.listOrOne(field).flatMap(({ value, path }) => {
    if (!isMapping(value)) {
      reader.problem(path, "wrong_type", "A materialization is a mapping with type and table");
      return [];
    }
    const inner = reader.child(value, path);
    const name = inner.optionalText("type") ?? "iceberg";
    const type = findTargetType(name);
    if (type === null) {
      const names = TARGET_TYPES.map((t) => t.name);
      const hint = didYouMean(name, names) ?? `use one of: ${names.join(", ")}`;
      reader.problem([...path, "type"], "unknown_target", `Unknown target type "${name}"`, hint);
      return [];
    }
    if (value["enabled"] === false) return [];
    inner.ignore("enabled");
    const spec = type.parse(inner);
    inner.rejectUnknown(`a ${type.name} materialization`);
    return spec === null ? [] : [spec];
  });
}

function readColumns(reader: FieldReader): DeclaredColumn[] {
  return Object.entries(reader.mapping("columns")).flatMap(([name, value]) => {
    if (value === null) return [{ name, type: null, description: null }];
    if (typeof value === "string") return [{ name, type: value, description: null }];
    if (isMapping(value)) {
      const inner = reader.child(value, ["columns", name]);
      const column = {
        name,
        type: inner.optionalText("type"),
        description: inner.optionalText("description"),
      };
      for (const field of ["audits", "tests"]) inner.ignore(field);
      inner.rejectUnknown(`column "${name}"`);
      return [column];
    }
    reader.problem(["columns", name], "wrong_type", `Column "${name}" needs a type`);
    return [];
  });
}

/** Sorts by id; a second node of the same id (also in other case) is a problem. */
function unique(nodes: readonly LoadedNode[], report: Report): LoadedNode[] {
  const byKey = new Map<string, LoadedNode>();
  for (const node of nodes) {
    const key = node.spec.id.toLowerCase();
    const first = byKey.get(key);
    if (first === undefined) {
      byKey.set(key, node);
      continue;
    }
    const there = first.locator.locate(["name"]);
    report({
      severity: "error",
      code: "duplicate_node",
      message: `Duplicate node ${node.spec.id}, first defined in ${there.file}:${there.line}`,
      ...node.locator.locate(["name"]),
      hint: "rename one of the two",
    });
  }
  return [...byKey.values()].sort((a, b) => compareText(a.spec.id, b.spec.id));
}
