import { didYouMean } from "../base/closest.ts";
import type { Diagnostic, Location } from "../base/diagnostic.ts";
import { quoteName } from "../engine/quote.ts";
import type { Session, SqlError } from "../engine/session.ts";
import { auditChecks } from "../checks/audit_checks.ts";
import { findAuditType } from "../checks/registry.ts";
import { nameThis } from "../checks/written_sql.ts";
import { reachable } from "../dag/graph.ts";
import type { NodeId } from "../model/ids.ts";
import type { QueryShape } from "../model/manifest.ts";
import type { AuditSpec } from "../model/node.ts";
import type { LoadedNode } from "../nodes/node_kind.ts";
import { bindChecks, type BoundCheck, type CheckRequest } from "../sql/bind_check.ts";

/** What binding audits needs to know about the project. */
export interface AuditContext {
  /** Every node that is described. */
  readonly nodes: ReadonlyMap<NodeId, { readonly node: LoadedNode; readonly shape: QueryShape }>;
  /** True where a former manifest holds the very same audits over the very same columns. */
  isKnown(id: NodeId): boolean;
  /** A session without access to anything, in which these nodes are empty tables. */
  session(nodes: readonly NodeId[]): Promise<Session>;
  report(diagnostic: Diagnostic): void;
}

/** SQL to bind, and where what is wrong with it is said. */
interface Request extends CheckRequest {
  /** Place of a 1-based line and column of `sql`. */
  readonly locate: (line: number, column: number) => Location;
  readonly what: string;
  readonly reads: readonly NodeId[];
}

/** Reports audits that name what is not there or hold SQL that does not bind, so that no run finds out. */
export async function bindAudits(context: AuditContext): Promise<void> {
  for (const [id, { node, shape }] of context.nodes) {
    const { audits, auditPlaces = [] } = node.spec;
    if (audits.length === 0) continue;
    const sound = audits.map((audit, i) =>
      // What a kind asks for itself is its own to complain about.
      audit.params["implied"] !== true && namesAreThere(context, node, shape, audit, i)
    );
    if (context.isKnown(id)) continue;
    const requests = audits.flatMap((audit, i) =>
      sound[i] ? requestsOf(node, shape, audit, auditPlaces[i] ?? ["audits", i]) : []
    );
    if (requests.length === 0) continue;
    const session = await context.session(requests.flatMap(({ reads }) => reads));
    const bound = await bindChecks(session, shape.columns, requests);
    const failed = new Set<string>();
    requests.forEach((request, i) => {
      // The SQL around what an author wrote fails with it: said once.
      if (failed.has(request.what)) return;
      if (reportProblem(context, id, request, bound[i]!)) failed.add(request.what);
    });
  }
}

/** True where the columns and nodes that an audit names exist; reports those that do not. */
function namesAreThere(
  context: AuditContext,
  { spec, locator }: LoadedNode,
  shape: QueryShape,
  audit: AuditSpec,
  index: number,
): boolean {
  const place = locator.locate(spec.auditPlaces?.[index] ?? ["audits", index]);
  const report = (code: string, message: string, hint: string | undefined) =>
    context.report({ severity: "error", code, message: `${spec.id}: ${message}`, ...place, hint });
  const missing = (column: string, names: readonly string[], what: string) => {
    if (names.some((name) => name.toLowerCase() === column.toLowerCase())) return false;
    const hint = didYouMean(column, names) ?? `there is: ${names.slice(0, 10).join(", ")}`;
    report("audit_column_missing", `there is no column "${column}" ${what}`, hint);
    return true;
  };
  const names = shape.columns.map(({ name }) => name);
  // What a kind asks for itself is its own to complain about.
  if (audit.params["implied"] === true) return audit.columns.every((name) => names.includes(name));
  const own = audit.columns.filter((name) => missing(name, names, `for its audit ${audit.type}`));
  const upstream = reachable(spec.inputs, (id) => context.nodes.get(id)?.node.spec.inputs ?? []);
  const wrong = (audit.reads ?? []).filter((id) => {
    const known = context.nodes.get(id);
    if (known === undefined || !upstream.has(id)) {
      report(
        "audit_reads_other",
        `its audit ${audit.type} reads ${id}, which is not upstream of it`,
        didYouMean(id, upstream) ??
          (upstream.size === 0
            ? "a node is checked before others are built: name one that it is made of"
            : `it may read: ${[...upstream].sort().slice(0, 10).join(", ")}`),
      );
      return true;
    }
    if (audit.type !== "relationships") return false;
    const columns = known.shape.columns.map(({ name }) => name);
    const fields = audit.params["field"] ?? null;
    return (fields === null ? audit.columns : [String(fields)])
      .some((name) => missing(name, columns, `in ${id} for its audit relationships`));
  });
  return own.length + wrong.length === 0;
}

function requestsOf(
  { spec, locator }: LoadedNode,
  shape: QueryShape,
  audit: AuditSpec,
  path: readonly (string | number)[],
): Request[] {
  const type = findAuditType(audit.type)!;
  const reads = audit.reads ?? [];
  const { written } = type;
  const what = `its audit ${audit.name ?? audit.type} (${path.join(".")})`;
  /** What an author wrote stands on the second line of its request. */
  const inField = (field: string) => (line: number, column: number) =>
    locator.locateInText([...path, field], Math.max(1, line - 1), column);
  const condition = (field: string, text: string): Request => ({
    sql: `SELECT 1 FROM "this" WHERE (\n${text}\n)`,
    is: "written",
    locate: inField(field),
    what,
    reads,
  });
  const requests: Request[] = [];
  if (written !== undefined) {
    const text = String(audit.params[written.field]);
    requests.push(
      written.is === "condition"
        ? condition(written.field, text)
        : { ...condition(written.field, text), sql: `SELECT * FROM (\n${nameThis(text)}\n)` },
    );
  }
  if (audit.where !== undefined && written?.is !== "query") {
    requests.push(condition("where", audit.where));
  }
  const atAudit = () => locator.locate([...path]);
  const constants = type.constants?.(audit, shape.columns) ?? [];
  if (constants.length > 0) {
    const sql = `SELECT ${constants.join(", ")}`;
    requests.push({ sql, is: "constants", locate: atAudit, what, reads });
  }
  for (const { sql } of auditChecks([audit], shape.columns, spec.grain)) {
    requests.push({ sql, is: "made", locate: atAudit, what, reads });
  }
  return requests;
}

/** True where something is wrong with it. */
function reportProblem(
  context: AuditContext,
  id: NodeId,
  { locate, what, reads }: Request,
  { error, relations, foreignFunctions }: BoundCheck,
): boolean {
  const report = (code: string, message: string, place: Location, hint?: string) => {
    const name = what.replace(/ \(.*$/, "");
    context.report({
      severity: "error",
      code,
      message: `${id}: ${name}: ${message}`,
      ...place,
      hint,
    });
    return true;
  };
  if (error !== null) {
    const { line, column } = error.position ?? { line: 2, column: 1 };
    return report("audit_does_not_bind", error.message, locate(line, column), hintFor(error));
  }
  const undeclared = relations.find((name) =>
    !reads.some((read) => read.toLowerCase() === name.toLowerCase())
  );
  if (undeclared !== undefined) {
    return report(
      "audit_reads_other",
      `it reads ${undeclared}`,
      locate(2, 1),
      `write ref('${undeclared}')`,
    );
  }
  const [foreign] = foreignFunctions;
  if (foreign === undefined) return false;
  return report(
    "function_not_allowed",
    `it calls ${foreign}(), which can read what is not declared`,
    locate(2, 1),
    "a check reads __THIS__ and nodes upstream by ref('kind.name')",
  );
}

function hintFor(error: SqlError): string | undefined {
  if (error.category === "Permission") return "a check reads no files";
  if (/Table with name (\S+) does not exist/.test(error.message)) {
    return "the node's own rows are __THIS__, nodes upstream ref('kind.name')";
  }
  const names = error.candidates.map((candidate) => candidate.split(".").at(-1)!);
  return names.length === 0
    ? undefined
    : `among others there is: ${names.map(quoteName).join(", ")}`;
}
