import { didYouMean } from "../base/closest.ts";
import type { Scalar } from "../base/field_reader.ts";
import { quoteNodeId } from "../engine/quote.ts";
import { lineAndColumn, offsetAt, RewrittenText } from "./rewritten_text.ts";
import { type Token, tokenize } from "./tokens.ts";

/** A problem at a place of the SQL as the author wrote it; line and column are 1-based. */
export interface SqlProblem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly line: number;
  readonly column: number;
}

/** SQL that names its inputs as `"kind"."name"` and has no template left in it. */
export interface ResolvedQuery {
  readonly sql: string;
  readonly problems: readonly SqlProblem[];
  /** Where a 1-based place of `sql` stands in the SQL as written. */
  original(line: number, column: number): { line: number; column: number };
}

/** What a query may name. */
export interface ResolveOptions {
  /** Declared inputs in order, as `kind.name`. */
  readonly inputs: readonly string[];
  readonly params: Readonly<Record<string, Scalar>>;
  /** What other names stand for; absent: nothing. */
  readonly variables?: Variables;
  /** Names that stand for values of this very build, before everything else. */
  readonly literals?: Literals;
}

/** Values as SQL: where they stand by themselves, and inside a quoted text; null where they may not stand there. */
export type Literals = Readonly<
  Record<string, { readonly bare: string; readonly quoted: string | null }>
>;

/** What `{{ name }}` stands for besides a node's own params. */
export interface Variables {
  /** Said on the command line: it counts more than what the node says. */
  override(name: string): Scalar | undefined;
  /** Of the project: common snippets, variables, dates; undefined for an unknown name. */
  find(name: string): Scalar | undefined;
  /** Names that there are, for suggestions. */
  readonly names: readonly string[];
}

/** No variables at all. */
export const NO_VARIABLES: Variables = {
  override: () => undefined,
  find: () => undefined,
  names: [],
};

/**
 * Resolves `{{ param }}`, `ref('kind.name')`, `input_N` and `__THIS__`; a plain
 * `kind.name` is left to the engine, which knows inputs under that name.
 */
export function resolveQuery(raw: string, options: ResolveOptions): ResolvedQuery {
  const problems: SqlProblem[] = [];
  const report = (offset: number, problem: Omit<SqlProblem, "line" | "column">) =>
    problems.push({ ...problem, ...lineAndColumn(raw, offset) });
  const filled = fillParams(raw, options, report);
  const named = nameInputs(
    filled.text,
    options.inputs,
    (offset, problem) => report(filled.originalOffset(offset), problem),
  );
  return {
    sql: named.text,
    problems,
    original: (line, column) => {
      const offset = offsetAt(named.text, line, column);
      return lineAndColumn(raw, filled.originalOffset(named.originalOffset(offset)));
    },
  };
}

/** The ids named by `ref('…')` in SQL, in order of appearance, each once; not those that a parameter gives. */
export function findRefs(raw: string): string[] {
  const ids = new Set<string>();
  const tokens = tokenize(raw);
  for (let i = 0; i < tokens.length; i++) {
    const call = refCall(tokens, i);
    if (call !== null && !call.id.includes("{{")) ids.add(call.id);
  }
  return [...ids];
}

/** Where SQL first names a node by `ref('…')`; null where it does not. */
export function placeOfRef(raw: string, id: string): { line: number; column: number } | null {
  const tokens = tokenize(raw);
  const at = tokens.findIndex((_, i) => refCall(tokens, i)?.id === id);
  return at < 0 ? null : lineAndColumn(raw, tokens[at]!.start);
}

type Reporter = (offset: number, problem: Omit<SqlProblem, "line" | "column">) => void;

const PARAM_REGEXP = /\{\{([\s\S]*?)\}\}/g;

function fillParams(
  raw: string,
  options: ResolveOptions,
  report: Reporter,
): RewrittenText {
  const result = new RewrittenText();
  if (!raw.includes("{{")) {
    result.keep(raw, 0);
    return result;
  }
  for (const token of tokenize(raw)) {
    if (token.kind === "comment") result.keep(token.text, token.start);
    else fillToken(result, token, options, report);
  }
  return result;
}

function fillToken(
  result: RewrittenText,
  token: Token,
  { params, variables = NO_VARIABLES, literals = {} }: ResolveOptions,
  report: Reporter,
): void {
  let done = 0;
  for (const match of token.text.matchAll(PARAM_REGEXP)) {
    const name = match[1]!.trim();
    const offset = token.start + match.index;
    if (match.index > done) result.keep(token.text.slice(done, match.index), token.start + done);
    const own = Object.hasOwn(params, name) ? params[name] : undefined;
    const value = [variables.override(name), own, variables.find(name)]
      .find((found) => found !== undefined);
    const literal = Object.hasOwn(literals, name) ? literals[name] : undefined;
    if (literal !== undefined) {
      const isQuoted = token.kind === "string" || token.kind === "quoted";
      const written = isQuoted ? literal.quoted : literal.bare;
      if (written === null) report(offset, quotedValue(name));
      result.replace(written ?? "NULL", offset);
    } else if (value !== undefined) {
      result.replace(paramText(value, token), offset);
    } else {
      const known = [...Object.keys(params), ...Object.keys(literals), ...variables.names];
      report(offset, unknownParam(name, known));
      result.replace("NULL", offset);
    }
    done = match.index + match[0].length;
  }
  if (done < token.text.length) result.keep(token.text.slice(done), token.start + done);
}

/** A value as text; inside a quoted string or name its quotes are doubled, so that it stays inside. */
function paramText(value: Scalar, { kind, text }: Token): string {
  const raw = value === null ? "NULL" : String(value);
  if (kind === "string" && text.startsWith("'")) return raw.replaceAll("'", "''");
  return kind === "quoted" ? raw.replaceAll('"', '""') : raw;
}

function quotedValue(name: string) {
  return {
    code: "quoted_value",
    message: `"${name}" is a value with a type, and stands in quotes here`,
    hint: `write {{ ${name} }} without quotes`,
  };
}

function unknownParam(name: string, known: readonly string[]) {
  const variable = /^env:\s*(\w+)/.exec(name)?.[1];
  if (variable !== undefined) {
    return {
      code: "unknown_param",
      message:
        "Variables of the machine are not put into SQL, which is kept and may be read by others",
      hint: `write {{ ${variable.toLowerCase()} }}, and give it in params: or by --params`,
    };
  }
  return {
    code: "unknown_param",
    message: `Unknown parameter "${name}"`,
    hint: foreignHint(name) ?? didYouMean(name, known) ??
      `add it to the node: params: {${name}: …}`,
  };
}

/** What to write in place of a call of another tool's templates; undefined for a plain name. */
function foreignHint(name: string): string | undefined {
  const call = /^(\w+)\s*\(/.exec(name)?.[1];
  if (call === "ref") return "write it without braces, with the kind: FROM ref('transform.orders')";
  if (call === "source") return "write it without braces: FROM ref('source.orders')";
  if (call === "config") {
    return "write fields as YAML, in a comment at the top: -- /// seeknal … -- ///";
  }
  if (call === "var" || call === "env_var") {
    return "write {{ name }}, and params: {name: …} in the node or --params on the command line";
  }
  return call === undefined ? undefined : "in braces there are names; SQL itself has no macros";
}

function nameInputs(text: string, inputs: readonly string[], report: Reporter): RewrittenText {
  const result = new RewrittenText();
  if (!/\bref\b|input_|__THIS__/i.test(text)) {
    result.keep(text, 0);
    return result;
  }
  const tokens = tokenize(text);
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    const call = refCall(tokens, i);
    if (call !== null) {
      if (!inputs.includes(call.id)) report(token.start, undeclared(call.id, inputs));
      result.replace(quoteNodeId(call.id), token.start);
      i = call.last;
      continue;
    }
    const id = placeholder(tokens, i, inputs, report);
    if (id !== null) result.replace(quoteNodeId(id), token.start);
    else result.keep(token.text, token.start);
  }
  return result;
}

/** The input that a word such as `input_0` stands for; null for any other word. */
function placeholder(
  tokens: readonly Token[],
  at: number,
  inputs: readonly string[],
  report: Reporter,
): string | null {
  const token = tokens[at]!;
  if (token.kind !== "word" || tokens[at - 1]?.text === ".") return null;
  if (token.text === "__THIS__") {
    if (inputs.length === 1) return inputs[0]!;
    report(token.start, {
      code: "unknown_input",
      message: `"__THIS__" needs exactly one input, and there are ${inputs.length}`,
      hint: "write ref('kind.name')",
    });
    return null;
  }
  const match = /^input_(\d+)$/i.exec(token.text);
  if (match === null || isNewName(tokens, at)) return null;
  const id = inputs[Number(match[1])];
  if (id !== undefined) return id;
  report(token.start, {
    code: "unknown_input",
    message: `"${token.text}" names input ${match[1]}, and there are ${inputs.length}`,
    hint: inputs.length === 0
      ? "add inputs to the node"
      : `use input_0 to input_${inputs.length - 1}`,
  });
  return null;
}

/** True behind AS, where a word makes a name instead of using one. */
function isNewName(tokens: readonly Token[], at: number): boolean {
  const before = tokens.slice(0, at).findLast((t) => t.kind !== "space" && t.kind !== "comment");
  return before?.kind === "word" && before.text.toLowerCase() === "as";
}

function refCall(tokens: readonly Token[], at: number): { id: string; last: number } | null {
  if (tokens[at]!.kind !== "word" || tokens[at]!.text.toLowerCase() !== "ref") return null;
  const next = (from: number) => {
    let i = from;
    while (tokens[i]?.kind === "space") i++;
    return i;
  };
  const open = next(at + 1);
  const argument = next(open + 1);
  const close = next(argument + 1);
  const text = tokens[argument];
  if (tokens[open]?.text !== "(" || tokens[close]?.text !== ")") return null;
  if (text?.kind !== "string" && text?.kind !== "quoted") return null;
  return { id: text.text.slice(1, -1).trim(), last: close };
}

function undeclared(id: string, inputs: readonly string[]) {
  return {
    code: "undeclared_input",
    message: `ref('${id}') is not among the inputs of this node`,
    hint: didYouMean(id, inputs) ?? `add to inputs: - ref: ${id}`,
  };
}
