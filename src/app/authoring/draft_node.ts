import { join, relative } from "node:path";
import { readTextIfExists, statIfExists, writeFileAtomic } from "../../base/atomic_write.ts";
import { didYouMean } from "../../base/closest.ts";
import { isLink, resolveInside } from "../../base/project_path.ts";
import { UserError } from "../../base/user_error.ts";
import { PROD } from "../../model/ids.ts";
import type { ManifestNode } from "../../model/manifest.ts";
import { findNodeKind } from "../../nodes/registry.ts";
import { TEMPLATES_DIR } from "../../project/find_project.ts";
import { findNode } from "../find_node.ts";
import { type LoadedManifest, loadManifest } from "../load_manifest.ts";
import { findSchemas, SCHEMAS_DIR, writeSchemas } from "../project_schemas.ts";
import type { Workspace } from "../workspace.ts";
import { codeText } from "./code_text.ts";
import { ROLE_WORDS, rolesOf } from "./column_roles.ts";
import {
  type DraftContext,
  type DraftInput,
  type DraftLanguage,
  type DraftTemplate,
  type DraftText,
  ENDINGS,
  plain,
} from "./draft_template.ts";
import { DRAFT_TEMPLATES, findDraftTemplate } from "./registry.ts";
import { type SampleTest, sampleTest } from "./sample_test.ts";
import { scriptDraft } from "./script_drafts.ts";

/** What to draft. */
export interface DraftRequest {
  /** Kind as typed. */
  readonly type: string;
  readonly name: string;
  readonly description: string | null;
  readonly language: DraftLanguage;
  /** Packages for a Python script. */
  readonly packages: readonly string[];
  /** Node to read, as typed; null: one that suits. */
  readonly from: string | null;
  /** Write over a draft of that name. */
  readonly force: boolean;
}

/** What was written. */
export interface Draft {
  /** Absolute path. */
  readonly path: string;
  readonly kind: string;
  /** Id of the node it reads; null where it brings its rows along. */
  readonly reads: string | null;
  /** Project-relative paths of sample data that was written beside it. */
  readonly samples: readonly string[];
  /** Why no node of the project was chosen to read; null when there is nothing to say. */
  readonly note: string | null;
}

/**
 * Writes a draft that plans and runs as it is, into the folder where the user stands, and the schemas it names.
 * Throws `unknown_type`, `invalid_name`, `no_such_language`, `unknown_node` (2), `draft_exists`, `unsuitable_input` (3).
 */
export async function draftNode(workspace: Workspace, request: DraftRequest): Promise<Draft> {
  const { root, host } = workspace;
  const template = findDraftTemplate(request.type);
  if (template === null) throw unknownType(request.type);
  checkName(request.name, template.kind);
  checkLanguage(template, request.language);
  // Where the user stands outside the project, drafts belong into it.
  const folder = resolveInside(root, host.cwd) === null ? root : host.cwd;
  const word = template.kind.replaceAll("-", "_");
  const path = join(folder, `draft_${word}_${request.name}.${ENDINGS[request.language]}`);
  if (isLink(path)) throw isSymbolicLink(path);
  if (statIfExists(path) !== null && !request.force) throw draftExists(relative(host.cwd, path));
  const { input, note, test } = await chooseInput(workspace, template, request);
  if (template.kind === "test" && request.language === "yaml" && test === null) {
    throw nothingToTest();
  }
  const context: DraftContext = {
    name: request.name,
    description: request.description ?? `What ${request.name} is, in a sentence`,
    input,
    packages: request.packages,
    ...(test === null ? {} : { test }),
    exists: (file) => statIfExists(join(root, file)) !== null,
  };
  const draft = ownTemplate(root, word, request.language, context) ??
    render(template, request.language, context);
  const schemas = findSchemas(null);
  const hasSchema = schemas.some(({ name }) => name === word);
  for (const { path: file, text } of draft.samples) writeFileAtomic(join(root, file), text);
  if (hasSchema) writeSchemas(join(root, SCHEMAS_DIR), schemas);
  const schema = relative(folder, join(root, SCHEMAS_DIR, `${word}.json`)).replaceAll("\\", "/");
  const first = request.language === "yaml" && hasSchema
    ? `# yaml-language-server: $schema=${schema}\n`
    : "";
  writeFileAtomic(path, first + draft.text);
  return {
    path,
    kind: template.kind,
    reads: input?.id ?? null,
    samples: draft.samples.map((sample) => sample.path),
    note,
  };
}

function render(
  template: DraftTemplate,
  language: DraftLanguage,
  context: DraftContext,
): DraftText {
  if (language === "yaml") return template.yaml(context);
  const draft = language === "sql"
    ? template.sql!(context)
    : scriptDraft(template.kind, language, context);
  return plain(codeText(language, draft));
}

/** The project's own template for a kind: `__NAME__`, `__DESCRIPTION__` and `__INPUT__` are put in. */
function ownTemplate(
  root: string,
  word: string,
  language: DraftLanguage,
  { name, description, input }: DraftContext,
): DraftText | null {
  const path = resolveInside(root, `${TEMPLATES_DIR}/${word}.${ENDINGS[language]}`);
  const text = path === null ? null : readTextIfExists(path);
  if (text === null) return null;
  return plain(
    text.replaceAll("__NAME__", name)
      .replaceAll("__DESCRIPTION__", description)
      .replaceAll("__INPUT__", input?.id ?? "source.orders"),
  );
}

/** A node that suits a template: the one that was asked for, or the best there is. */
async function chooseInput(
  workspace: Workspace,
  template: DraftTemplate,
  { from, language }: DraftRequest,
): Promise<{ input: DraftInput | null; note: string | null; test: SampleTest | null }> {
  if (template.reads === null && from !== null) {
    throw new UserError(`${a(template.kind)} reads no other node`, {
      code: "unsuitable_input",
      kind: "usage",
      hint: "leave --from out",
    });
  }
  if (template.reads === null) return { input: null, note: null, test: null };
  const loaded = await loadQuietly(workspace, from !== null);
  if (loaded.loaded === null) return { input: null, note: loaded.why, test: null };
  const { manifest: { nodes }, resolved } = loaded.loaded;
  const inputOf = ({ id, kind, shape }: ManifestNode): DraftInput => {
    const columns = shape.columns.map(({ name, type }) => ({ name, type }));
    return {
      id,
      kind,
      columns,
      roles: rolesOf(columns),
      spec: resolved.get(id)!.node.spec,
      isVolatile: (shape.volatile ?? []).length > 0,
    };
  };
  const needsTest = template.kind === "test" && language === "yaml";
  const testOf = async ({ id }: DraftInput) =>
    needsTest ? await sampleTest(loaded.loaded, id) : null;
  if (from !== null) {
    const input = inputOf(findNode({ nodes }, from));
    const problem = whyUnsuitable(template, input);
    if (problem === null) return { input, note: null, test: await testOf(input) };
    throw new UserError(`${a(template.kind)} cannot read ${input.id}: ${problem}`, {
      code: "unsuitable_input",
      kind: "validation",
      hint: "name another node with --from, or leave it out",
    });
  }
  const inputs = [...nodes.values()].map(inputOf).filter((input) =>
    whyUnsuitable(template, input) === null &&
    (template.reads !== "rows" || PLAIN_KINDS.includes(input.kind))
  );
  // What is worked out already suits better than raw data, and more roles better than fewer.
  const score = ({ kind, roles }: DraftInput) =>
    Object.values(roles).filter((role) => role !== null).length * 2 + (kind === "source" ? 0 : 1);
  const best = inputs.toSorted((a, b) => score(b) - score(a))[0] ?? null;
  return { input: best, note: null, test: best === null ? null : await testOf(best) };
}

/** Kinds whose rows are what one would begin with, where any rows will do. */
const PLAIN_KINDS = ["source", "seed", "transform"];

function whyUnsuitable({ reads, wants, suits }: DraftTemplate, input: DraftInput): string | null {
  if (reads !== null && reads !== "rows" && !reads.includes(input.kind)) {
    return `it reads a ${reads.join(" or a ")}`;
  }
  if (reads === "rows" && findNodeKind(input.kind)?.hasRows !== true) return "it has no rows";
  const missing = wants.find((role) => input.roles[role] === null);
  return missing === undefined
    ? suits?.(input) ?? null
    : `it has no ${ROLE_WORDS[missing].replace(/^a /, "")}`;
}

/** A project with problems is no obstacle to a draft, unless a node of it was named. */
async function loadQuietly(
  workspace: Workspace,
  isNeeded: boolean,
): Promise<{ loaded: LoadedManifest; why: null } | { loaded: null; why: string | null }> {
  try {
    const prod = await workspace.state.snapshot(workspace.state.head(PROD));
    return { loaded: await loadManifest(workspace, [prod.manifest]), why: null };
  } catch (error) {
    if (isNeeded || !(error instanceof UserError)) throw error;
    const isEmpty = error.diagnostics.some(({ code }) => code === "no_nodes");
    return { loaded: null, why: isEmpty ? null : `${error.message}: see seeknal parse` };
  }
}

function a(kind: string): string {
  return `${/^[aeiou]/.test(kind) ? "An" : "A"} ${kind}`;
}

function unknownType(typed: string): UserError {
  const kinds = DRAFT_TEMPLATES.map(({ kind }) => kind);
  return new UserError(`Invalid node type: '${typed}'`, {
    code: "unknown_type",
    kind: "usage",
    hint: didYouMean(typed.replaceAll("-", "_"), kinds) ?? `valid types: ${kinds.join(", ")}`,
  });
}

/** The rule of the loader, said word by word. */
function checkName(name: string, kind: string): void {
  const problem = name.trim() === ""
    ? "it is empty"
    : /[\s/\\.]/.test(name)
    ? 'spaces, "/", "\\" and "." cannot be in it'
    : [...name].length > 128
    ? "it is longer than 128 characters"
    : !/^[\p{L}_][\p{L}\p{N}_-]*$/u.test(name)
    ? 'it must begin with a letter or "_" and go on with letters, digits, "_" and "-"'
    : new TextEncoder().encode(name).length > 200
    ? "it is longer than 200 bytes"
    : kind === "metric" && !/^[A-Za-z_]\w*$/.test(name)
    ? 'a metric becomes a column: letters, digits and "_" only'
    : null;
  if (problem === null) return;
  throw new UserError(`Invalid name "${name}": ${problem}`, {
    code: "invalid_name",
    kind: "usage",
    hint: "write a name such as clean_orders",
  });
}

function checkLanguage(template: DraftTemplate, language: DraftLanguage): void {
  const possible = languagesOf(template);
  if (possible.includes(language)) return;
  throw new UserError(`${a(template.kind)} cannot be written in ${WORDS[language]}`, {
    code: "no_such_language",
    kind: "usage",
    hint: `it is written in ${possible.map((name) => WORDS[name]).join(", ")}: leave --${
      language === "typescript" ? "ts" : language
    } out`,
  });
}

const WORDS: Readonly<Record<DraftLanguage, string>> = {
  yaml: "YAML",
  sql: "SQL",
  typescript: "TypeScript",
  python: "Python",
};

/** Languages that a kind can be written in. */
export function languagesOf({ kind, sql }: DraftTemplate): DraftLanguage[] {
  const isScript = findNodeKind(kind)?.takesScript === true;
  return [
    "yaml",
    ...(sql === undefined ? [] : ["sql" as const]),
    ...(isScript ? ["typescript" as const, "python" as const] : []),
  ];
}

function nothingToTest(): UserError {
  return new UserError("There is no node to write a unit test of", {
    code: "nothing_to_test",
    kind: "validation",
    hint: "begin with a transform: seeknal draft transform NAME; or write a data test: --sql",
  });
}

function draftExists(path: string): UserError {
  return new UserError(`Draft file already exists: ${path}`, {
    code: "draft_exists",
    kind: "validation",
    hint: "write over it with --force",
  });
}

function isSymbolicLink(path: string): UserError {
  return new UserError(`Cannot write "${path}": it is a symbolic link`, {
    code: "symbolic_link",
    kind: "security",
    hint: "remove the link",
  });
}
