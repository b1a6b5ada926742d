import { quoteName } from "../engine/quote.ts";
import type { SchemaEvolution } from "../model/profile.ts";
import type { ColumnDependent, TableColumn, TableFacts } from "./table_facts.ts";
import { holdsAllOf } from "./to_postgres_type.ts";

/** A column as a write wants it, its type as `format_type` writes it. */
export interface WantedColumn {
  readonly name: string;
  readonly type: string;
}

/**
 * A statement that takes back a change of a table's columns, once the former rows are back;
 * `first`: before that, while no row is in the table. The last two take back a change of a type, for
 * which every row was written anew.
 */
export type UndoStatement = string | { readonly first: string } | { readonly last: string };

/** Whether a write changed a type: all former rows are kept then, and all rows are its own. */
export function isRewritten(write: { readonly ddl_undo: readonly UndoStatement[] }): boolean {
  return write.ddl_undo.some((statement) => typeof statement === "object");
}

/** How an existing table is brought to a write's columns. */
export interface Evolution {
  /** What the policy does not allow, each with the statements that would do it, one a line. */
  readonly refused: readonly { readonly message: string; readonly hint: string }[];
  /** Statements, to be run before the rows are written. */
  readonly statements: readonly string[];
  /** Statements, to be run once the rows are written. */
  readonly after: readonly string[];
  /** Statements that take them back, in the order to run them. */
  readonly undo: readonly UndoStatement[];
  /** True when a type changes: PostgreSQL then writes every row anew. */
  readonly isRewrite: boolean;
  /** The wanted columns with the types they will have in the table. */
  readonly columns: readonly WantedColumn[];
}

/** How a write deals with the rows that a table has. */
export interface Replacement {
  /** Every row is replaced (`full`): what columns hold need not be kept. */
  readonly isWhole: boolean;
  /** Rows that were added before may have to come back, with all of their columns. */
  readonly keepsColumns: boolean;
}

/**
 * Compares a table with the columns of a write.
 *
 * - `strict`: any difference is refused.
 * - `safe`: new columns are added. A column that the output has no more, or another type, is refused.
 * - `auto`: types are widened too; a column that the output has no more stays, NULL in new rows.
 *   Where every row is replaced, any type becomes any other, and such a column is dropped once
 *   nothing can be taken back any more (see {@linkcode droppedColumns}); both only where nothing
 *   depends on the column.
 *
 * Columns that never came from the output are somebody's own, and stay; they must have a default
 * or allow NULL. A type that holds every value of the wanted one is as good as the wanted one.
 *
 * `written`: names of the columns of the last output. `table`: its qualified, quoted name.
 */
export function evolve(
  facts: TableFacts,
  table: string,
  wanted: readonly WantedColumn[],
  written: ReadonlySet<string>,
  policy: SchemaEvolution,
  replacement: Replacement,
): Evolution {
  const evolution = new EvolutionOf(facts, table, policy, replacement);
  const existing = new Map(facts.columns.map((column) => [column.name, column]));
  const columns = wanted.map((column) => {
    const found = existing.get(column.name);
    if (found === undefined) evolution.add(column);
    else if (!isEnough(found, column, policy)) return evolution.change(found, column);
    return found === undefined ? column : { name: column.name, type: found.type };
  });
  const names = new Set(wanted.map(({ name }) => name));
  for (const column of facts.columns.filter(({ name }) => !names.has(name))) {
    evolution.leaveOut(column, written.has(column.name));
  }
  const { refused, statements, after, undo, isRewrite } = evolution;
  return { refused, statements, after, undo, isRewrite, columns };
}

/** Columns of an output before that a table written whole may lose: the new output lacks them and nothing depends on them. */
export function droppedColumns(
  facts: TableFacts,
  before: readonly WantedColumn[],
  now: readonly WantedColumn[],
): string[] {
  const kept = new Set(now.map(({ name }) => name));
  return facts.columns.map(({ name }) => name).filter((name) =>
    before.some((column) => column.name === name) && !kept.has(name) &&
    dependentsOf(facts, name).every(({ isOwn }) => isOwn)
  );
}

function dependentsOf(facts: TableFacts, column: string): readonly ColumnDependent[] {
  return facts.columnDependents.filter((dependent) => dependent.column === column);
}

function isEnough(found: TableColumn, wanted: WantedColumn, policy: SchemaEvolution): boolean {
  if (found.generated) return false;
  return withoutSchema(found.type) === withoutSchema(wanted.type) ||
    (policy !== "strict" && holdsAllOf(found.type, wanted.type));
}

class EvolutionOf {
  readonly refused: { message: string; hint: string }[] = [];
  readonly statements: string[] = [];
  readonly after: string[] = [];
  readonly undo: UndoStatement[] = [];
  isRewrite = false;
  readonly #facts: TableFacts;
  readonly #table: string;
  readonly #policy: SchemaEvolution;
  readonly #replacement: Replacement;

  constructor(
    facts: TableFacts,
    table: string,
    policy: SchemaEvolution,
    replacement: Replacement,
  ) {
    this.#facts = facts;
    this.#table = table;
    this.#policy = policy;
    this.#replacement = replacement;
  }

  add({ name, type }: WantedColumn): void {
    const add = this.#alter(`ADD COLUMN ${quoteName(name)} ${type}`);
    if (this.#policy === "strict") {
      this.#refuse(`column "${name}" is not in the table (schema_evolution: strict)`, [add]);
    }
    this.statements.push(add);
    this.undo.unshift(this.#alter(`DROP COLUMN ${quoteName(name)}`));
  }

  /** Gives a column another type; the column as it will be. */
  change(found: TableColumn, wanted: WantedColumn): WantedColumn {
    const name = quoteName(found.name);
    if (found.generated) {
      this.#refuse(`column "${found.name}" is generated by the table and cannot be written`, [
        this.#alter(`ALTER COLUMN ${name} DROP EXPRESSION`),
      ]);
      return { name: found.name, type: found.type };
    }
    const isWider = holdsAllOf(wanted.type, found.type);
    const mayChange = isWider || this.#replacement.isWhole;
    const inTheWay = dependentsOf(this.#facts, found.name)
      .filter(({ allowsWidening }) => !(isWider && allowsWidening));
    if (this.#policy === "auto" && mayChange && inTheWay.length === 0) {
      this.#retype(found, wanted, isWider);
      return wanted;
    }
    const drops = inTheWay.flatMap(({ drop }) => drop ?? []);
    const differs = `column "${found.name}" is ${found.type} in the table and ${wanted.type} ` +
      `in the output`;
    const dependents = [...new Set(inTheWay.map(({ what }) => what))].join(", ");
    const isInTheWay = dependents === "" ? "" : `, and ${dependents} depends on it`;
    if (this.#policy === "auto" && mayChange) {
      this.#refuse(`${differs}${isInTheWay}`, [
        ...drops,
        "-- then repeat the command, and create again what you dropped",
      ]);
      return wanted;
    }
    const using = this.#replacement.isWhole
      ? [
        `ALTER COLUMN ${name} DROP NOT NULL`,
        `ALTER COLUMN ${name} TYPE ${wanted.type} USING NULL`,
      ]
      : [`ALTER COLUMN ${name} TYPE ${wanted.type} USING ${cast(name, found.type, wanted.type)}`];
    this.#refuse(`${differs}${isInTheWay} (schema_evolution: ${this.#policy})`, [
      ...drops,
      this.#alter(using.join(", ")),
      ...(mayChange ? [this.#autoHint(drops.length > 0)] : []),
    ]);
    return wanted;
  }

  /** Deals with a column that the output does not have. */
  leaveOut(column: TableColumn, wasWritten: boolean): void {
    const name = quoteName(column.name);
    const drop = this.#alter(`DROP COLUMN ${name}`);
    const isNeeded = column.notNull && !column.hasDefault && !column.generated;
    const { isWhole, keepsColumns } = this.#replacement;
    const isDropped = isWhole && !keepsColumns && wasWritten;
    const inTheWay = dependentsOf(this.#facts, column.name).filter(({ isOwn }) => !isOwn);
    const dependents = [...new Set(inTheWay.map(({ what }) => what))].join(", ");
    const drops = inTheWay.flatMap(({ drop }) => drop ?? []);
    if (this.#policy === "strict" || (this.#policy === "safe" && wasWritten)) {
      this.#refuse(
        `column "${column.name}" of the table is not in the output` +
          `${dependents === "" ? "" : `, and ${dependents} depends on it`} ` +
          `(schema_evolution: ${this.#policy})`,
        [...drops, drop, ...(wasWritten ? [this.#autoHint(isDropped && drops.length > 0)] : [])],
      );
    } else if (this.#policy === "auto" && isDropped && inTheWay.length > 0) {
      this.#refuse(
        `column "${column.name}" of the table is not in the output, and ${dependents} depends on it`,
        [...drops, "-- then repeat the command"],
      );
    } else if (isNeeded && this.#policy === "auto" && wasWritten) {
      this.statements.push(this.#alter(`ALTER COLUMN ${name} DROP NOT NULL`));
      this.undo.push(this.#alter(`ALTER COLUMN ${name} SET NOT NULL`));
    } else if (isNeeded) {
      this.#refuse(
        `column "${column.name}" of the table is not in the output, has no default and is NOT NULL`,
        [this.#alter(`ALTER COLUMN ${name} DROP NOT NULL`)],
      );
    }
  }

  /**
   * A wider type takes the values that are there. Any other one starts with NULL: where every row
   * is replaced, nothing is lost by it, and there is no cast that could fail.
   */
  #retype({ name: column, type, notNull }: TableColumn, wanted: WantedColumn, isWider: boolean) {
    const name = quoteName(column);
    this.isRewrite = true;
    if (!isWider && notNull) {
      this.statements.push(this.#alter(`ALTER COLUMN ${name} DROP NOT NULL`));
      this.after.push(this.#alter(`ALTER COLUMN ${name} SET NOT NULL`));
    }
    this.statements.push(
      this.#alter(`ALTER COLUMN ${name} TYPE ${wanted.type}${isWider ? "" : " USING NULL"}`),
    );
    const back = this.#alter(`ALTER COLUMN ${name} TYPE ${type}`);
    // Rows that others point at are put back in place: the type must hold both until then.
    this.undo.unshift(this.#facts.referenced ? { last: back } : { first: `${back} USING NULL` });
    if (isWider || !this.#facts.referenced) return;
    const { referencedBy } = this.#facts;
    this.#refuse(
      `column "${column}" is ${type} in the table and ${wanted.type} in the output, and ` +
        `${referencedBy.map(({ what }) => what).join(", ")} refers to its rows`,
      referencedBy.flatMap(({ drop }) => drop ?? []),
    );
  }

  #autoHint(hasDependents: boolean): string {
    return `-- or write schema_evolution: auto` +
      (hasDependents ? ", once nothing depends on it any more" : "");
  }

  #refuse(message: string, statements: readonly string[]): void {
    const hint = statements.map((line) => /^--|;$/.test(line) ? line : `${line};`).join("\n    ");
    this.refused.push({ message, hint });
  }

  #alter(what: string): string {
    return `ALTER TABLE ${this.#table} ${what}`;
  }
}

/** Every type can be read from a text; numbers have casts that round. */
function cast(name: string, from: string, to: string): string {
  const isNumber = (type: string) =>
    /^(smallint|integer|bigint|real|double precision|numeric)/.test(type);
  return isNumber(from) && isNumber(to) ? `${name}::${to}` : `${name}::text::${to}`;
}

/** Types of one's own are shown with their schema or without, as the search path has it. */
function withoutSchema(type: string): string {
  return type.replace(/^(?:"(?:""|[^"])*"|[^".(]+)\./, "");
}
