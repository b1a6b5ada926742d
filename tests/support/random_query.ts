import type { TestColumns } from "./binding.ts";

/** The tables that random queries read. */
export const TABLES: Readonly<Record<string, TestColumns>> = {
  "source.t": {
    id: "INTEGER",
    g: "INTEGER",
    x: "INTEGER",
    s: "VARCHAR",
    d: "TIMESTAMP",
    f: "DOUBLE",
    l: "INTEGER[]",
    b: "BOOLEAN",
  },
  "source.u": { id: "INTEGER", g: "INTEGER", y: "INTEGER", s: "VARCHAR", d: "TIMESTAMP" },
  "source.w": { k: "INTEGER", z: "INTEGER", s: "VARCHAR" },
};

/** Decisions, each a number: replayed as they are written, drawn where nothing is written yet. */
export class Tape {
  #at = 0;
  readonly #numbers: number[];
  readonly #next: () => number;

  constructor(numbers: readonly number[], next: () => number) {
    this.#numbers = [...numbers];
    this.#next = next;
  }

  /** The decisions that were taken. */
  get taken(): number[] {
    return this.#numbers.slice(0, this.#at);
  }

  int(below: number): number {
    if (this.#at >= this.#numbers.length) this.#numbers.push(Math.floor(this.#next() * (1 << 20)));
    return this.#numbers[this.#at++]! % below;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.int(choices.length)]!;
  }

  chance(share: number): boolean {
    return this.int(1000) < share * 1000;
  }
}

type Ty = "int" | "str" | "ts" | "dbl" | "list" | "bool";
interface Col {
  ref: string;
  ty: Ty;
}
interface Rel {
  sql: string;
  cols: Col[];
}
interface Named {
  name: string;
  ty: Ty;
}

/** The query that a tape of decisions stands for; one decision more or less is a small edit. */
export function randomQuery(tape: Tape, depth: number): string {
  return new QueryMaker(tape).query([], depth).sql;
}

const TY: Record<string, Ty> = {
  INTEGER: "int",
  VARCHAR: "str",
  TIMESTAMP: "ts",
  DOUBLE: "dbl",
  "INTEGER[]": "list",
  BOOLEAN: "bool",
};
class QueryMaker {
  n = 0;
  ctes: { name: string; cols: Named[] }[] = [];
  readonly t: Tape;

  constructor(tape: Tape) {
    this.t = tape;
  }

  name(p: string) {
    return `${p}${this.n++}`;
  }
  cols(s: Col[], ty: Ty) {
    return s.filter((c) => c.ty === ty);
  }
  col(scope: Col[], outer: Col[], ty: Ty): string | null {
    const inner = this.cols(scope, ty);
    const out = this.cols(outer, ty);
    if (out.length && this.t.chance(0.35)) return this.t.pick(out).ref;
    if (inner.length) return this.t.pick(inner).ref;
    if (out.length) return this.t.pick(out).ref;
    return null;
  }
  int(s: Col[], o: Col[], d: number): string {
    const t = this.t;
    const c = () => this.col(s, o, "int") ?? String(t.int(4));
    if (d <= 0 || t.chance(0.4)) return t.chance(0.85) ? c() : String(t.int(4));
    switch (t.int(22)) {
      case 0: {
        const [a, b] = [this.int(s, o, d - 1), this.int(s, o, d - 1)];
        return t.chance(0.5) ? `(${a} + ${b})` : `(${b} + ${a})`;
      }
      case 1:
        return `(${this.int(s, o, d - 1)} - ${this.int(s, o, d - 1)})`;
      case 2: {
        const [a, b] = [this.int(s, o, d - 1), this.int(s, o, d - 1)];
        return t.chance(0.5) ? `(${a} * ${b} % 7)` : `(${b} * ${a} % 7)`;
      }
      case 3:
        return `CASE WHEN ${this.bool(s, o, d - 1)} THEN ${this.int(s, o, d - 1)} ${
          t.chance(0.5) ? `ELSE ${this.int(s, o, d - 1)} ` : ""
        }END`;
      case 4:
        return `coalesce(${this.int(s, o, d - 1)}, ${this.int(s, o, d - 1)})`;
      case 5:
        return `length(${this.str(s, o, d - 1)})`;
      case 6:
        return `nullif(${c()}, ${this.int(s, o, d - 1)})`;
      case 7:
        return `greatest(${c()}, ${this.int(s, o, d - 1)})`;
      case 8:
        return `TRY_CAST(${this.str(s, o, d - 1)} AS INTEGER)`;
      case 9:
        return `date_part('${t.pick(["day", "month", "hour"])}', ${this.ts(s, o, d - 1)})::INTEGER`;
      case 10:
        return `${this.list(s, o, d - 1)}[${t.pick(["1", "-1", "2"])}]`;
      case 11:
        return `list_sum(${this.list(s, o, d - 1)})::INTEGER`;
      case 12:
        return `len(list_filter(${this.list(s, o, d - 1)}, lambda z: z ${
          t.pick([">", "<", "="])
        } ${c()}))::INTEGER`;
      case 13:
        return `(${this.bool(s, o, d - 1)})::INTEGER`;
      default:
        return this.scalarSub(s, o, d, "int");
    }
  }
  scalarSub(s: Col[], o: Col[], d: number, ty: "int" | "str"): string {
    const t = this.t;
    const out = [...s, ...o];
    const sub = this.from(out, d - 1);
    const where = t.chance(0.8) ? ` WHERE ${this.bool(sub.cols, out, d - 1)}` : "";
    const e = ty === "int" ? this.int(sub.cols, out, d - 1) : this.str(sub.cols, out, d - 1);
    switch (t.int(5)) {
      case 0:
        return ty === "int"
          ? `(SELECT count(*)::INTEGER FROM ${sub.sql}${where})`
          : `(SELECT min(${e}) FROM ${sub.sql}${where})`;
      case 1:
        return `(SELECT max(${e}) FROM ${sub.sql}${where})`;
      case 2:
        return `(SELECT ${e} FROM ${sub.sql}${where} ORDER BY 1 ${t.pick(["", "DESC"])} LIMIT 1)`;
      case 3:
        return ty === "int"
          ? `(SELECT sum(${e})::INTEGER FROM ${sub.sql}${where} HAVING ${this.bool([], out, 0)})`
          : `(SELECT DISTINCT ${this.str([], out, d - 1)} FROM ${sub.sql}${where})`;
      default:
        return `(SELECT min(${e}) FROM ${sub.sql}${where} ${
          t.chance(0.5) ? "GROUP BY " + this.int([], out, 0) : ""
        })`;
    }
  }
  dbl(s: Col[], o: Col[], d: number): string {
    const c = this.col(s, o, "dbl");
    return c !== null && this.t.chance(0.8) ? c : `${this.int(s, o, d - 1)}::DOUBLE`;
  }
  str(s: Col[], o: Col[], d: number): string {
    const t = this.t;
    const c = () => this.col(s, o, "str") ?? t.pick(["'a'", "'b'"]);
    if (d <= 0 || t.chance(0.5)) return t.chance(0.85) ? c() : t.pick(["'a'", "'b'", "'A'"]);
    switch (t.int(8)) {
      case 0:
        return `upper(${this.str(s, o, d - 1)})`;
      case 1:
        return `(${this.str(s, o, d - 1)} || ${this.str(s, o, d - 1)})`;
      case 2:
        return `CASE WHEN ${this.bool(s, o, d - 1)} THEN ${this.str(s, o, d - 1)} ELSE ${
          this.str(s, o, d - 1)
        } END`;
      case 3:
        return `${this.int(s, o, d - 1)}::VARCHAR`;
      case 4:
        return `concat(${this.str(s, o, d - 1)}, ${this.str(s, o, d - 1)})`;
      case 5:
        return `regexp_replace(${c()}, 'a', 'z'${t.pick(["", ", 'i'", ", 'g'"])})`;
      case 6:
        return `coalesce(${c()}, ${this.str(s, o, d - 1)})`;
      default:
        return this.scalarSub(s, o, d, "str");
    }
  }
  ts(s: Col[], o: Col[], d: number): string {
    const t = this.t;
    const c = this.col(s, o, "ts") ?? "TIMESTAMP '2024-01-02'";
    if (d <= 0 || t.chance(0.6)) return c;
    return t.pick([
      `date_trunc('${t.pick(["month", "day"])}', ${c})`,
      `(${c} + INTERVAL ${1 + t.int(2)} ${t.pick(["DAY", "MONTH"])})`,
    ]);
  }
  list(s: Col[], o: Col[], d: number): string {
    const t = this.t;
    const c = () => this.col(s, o, "list") ?? `[${this.int(s, o, 0)}, ${this.int(s, o, 0)}]`;
    if (d <= 0 || t.chance(0.5)) return c();
    switch (t.int(6)) {
      case 0:
        return `list_transform(${c()}, lambda z: z ${t.pick(["+", "-"])} ${this.int(s, o, 0)})`;
      case 1:
        return `list_sort(${c()}${t.pick(["", ", 'DESC'"])})`;
      case 2:
        return `[q ${t.pick(["+", "*"])} ${this.int(s, o, 0)} for q in ${c()} if q > ${
          this.int(s, o, 0)
        }]`;
      case 3:
        return `list_distinct(${c()}).list_sort()`;
      case 4: {
        const out = [...s, ...o];
        const sub = this.from(out, d - 1);
        const e = this.int(sub.cols, out, d - 1);
        return `(SELECT list(${e} ${
          t.pick(["ORDER BY " + e, "ORDER BY " + e + " DESC"])
        }) FROM ${sub.sql} WHERE ${this.bool(sub.cols, out, d - 1)})`;
      }
      default:
        return `[${this.int(s, o, d - 1)}, ${this.int(s, o, d - 1)}]`;
    }
  }
  bool(s: Col[], o: Col[], d: number): string {
    const t = this.t;
    const cmp = () => {
      const f = t.pick(["int", "int", "int", "str", "ts", "dbl"] as const);
      const g = () =>
        f === "int"
          ? this.int(s, o, d - 1)
          : f === "str"
          ? this.str(s, o, d - 1)
          : f === "ts"
          ? this.ts(s, o, d - 1)
          : this.dbl(s, o, d - 1);
      const [a, b] = [g(), g()];
      const op = t.pick([
        "=",
        "=",
        "=",
        "<",
        ">",
        "<=",
        ">=",
        "<>",
        " IS DISTINCT FROM ",
        " IS NOT DISTINCT FROM ",
      ]);
      const m: Record<string, string> = { "<": ">", ">": "<", "<=": ">=", ">=": "<=" };
      return t.chance(0.7) ? `${a} ${op} ${b}` : `${b} ${m[op] ?? op} ${a}`;
    };
    if (d <= 0 || t.chance(0.4)) return cmp();
    const out = [...s, ...o];
    switch (t.int(14)) {
      case 0: {
        const [a, b] = [this.bool(s, o, d - 1), this.bool(s, o, d - 1)];
        return t.chance(0.5) ? `(${a} AND ${b})` : `(${b} AND ${a})`;
      }
      case 1: {
        const [a, b] = [this.bool(s, o, d - 1), this.bool(s, o, d - 1)];
        return t.chance(0.5) ? `(${a} OR ${b})` : `(${b} OR ${a})`;
      }
      case 2:
        return `(NOT ${this.bool(s, o, d - 1)})`;
      case 3:
        return `${this.int(s, o, d - 1)} IS ${t.pick(["", "NOT "])}NULL`;
      case 4:
        return `${this.int(s, o, d - 1)} ${t.pick(["", "NOT "])}IN (${this.int(s, o, 0)}, ${
          this.int(s, o, 0)
        }${t.pick(["", ", NULL"])})`;
      case 5:
        return `${this.int(s, o, d - 1)} ${t.pick(["", "NOT "])}BETWEEN ${this.int(s, o, 0)} AND ${
          this.int(s, o, 0)
        }`;
      case 6:
        return `${this.str(s, o, d - 1)} ${t.pick(["LIKE", "ILIKE", "NOT LIKE"])} 'a%'`;
      case 7: {
        const b = this.col(s, o, "bool");
        return b ?? cmp();
      }
      case 8:
      case 9: {
        const sub = this.from(out, d - 1);
        return `${t.pick(["", "NOT "])}EXISTS (SELECT 1 FROM ${sub.sql} WHERE ${
          this.bool(sub.cols, out, d - 1)
        }${t.chance(0.1) ? " HAVING count(*) > 1" : ""})`;
      }
      case 10:
      case 11: {
        const sub = this.from(out, d - 1);
        const l = this.int(s, o, d - 1);
        return `${l} ${t.pick(["IN", "NOT IN"])} (SELECT ${
          this.int(sub.cols, out, d - 1)
        } FROM ${sub.sql}${t.chance(0.7) ? ` WHERE ${this.bool(sub.cols, out, d - 1)}` : ""})`;
      }
      case 12: {
        const sub = this.from(out, d - 1);
        const l = this.int(s, o, d - 1);
        return `${l} ${t.pick(["<", ">", "=", "<>", "<=", ">="])} ${
          t.pick(["ANY", "ALL"])
        } (SELECT ${this.int(sub.cols, out, d - 1)} FROM ${sub.sql}${
          t.chance(0.7) ? ` WHERE ${this.bool(sub.cols, out, d - 1)}` : ""
        })`;
      }
      default:
        return cmp();
    }
  }
  expr(ty: Ty, s: Col[], o: Col[], d: number): string {
    return this[ty](s, o, d);
  }
  base(): Rel {
    const t = this.t;
    if (this.ctes.length && t.chance(0.4)) {
      const c = t.pick(this.ctes);
      const a = this.name("a");
      return {
        sql: `${c.name} ${a}`,
        cols: c.cols.map(({ name, ty }) => ({ ref: `${a}.${name}`, ty })),
      };
    }
    if (t.chance(0.25)) {
      const a = this.name("k");
      const src = t.pick(["source.t", "source.u"]);
      const v = src === "source.t" ? "x" : "y";
      const ord = t.pick([
        "",
        "",
        "ORDER BY id",
        "ORDER BY id DESC",
        "ORDER BY n, id LIMIT 3",
        "ORDER BY id LIMIT 2",
        "ORDER BY id DESC LIMIT 3",
        "ORDER BY v LIMIT 2",
      ]);
      return {
        sql: `(SELECT id, ${
          t.pick(["min", "max"])
        }(${v})${""} v, count(*)::INTEGER n FROM ${src} GROUP BY id ${ord}) ${a}`,
        cols: ["id", "v", "n"].map((c) => ({ ref: `${a}.${c}`, ty: "int" as Ty })),
      };
    }
    const name = t.pick(Object.keys(TABLES));
    const a = this.name("a");
    return {
      sql: `${name} ${a}`,
      cols: Object.entries(TABLES[name]!).flatMap(([n, ty]) =>
        TY[ty] ? [{ ref: `${a}.${n}`, ty: TY[ty]! }] : []
      ),
    };
  }
  sub(outer: Col[], d: number): Rel {
    const q = this.query(outer, d);
    const a = this.name("q");
    return {
      sql: `(${q.sql}) ${a}`,
      cols: q.cols.map(({ name, ty }) => ({ ref: `${a}.${name}`, ty })),
    };
  }
  from(outer: Col[], d: number): Rel {
    const t = this.t;
    if (d <= 0 || t.chance(0.35)) return this.base();
    if (t.chance(0.15)) return this.sub(outer, d - 1);
    const l = t.chance(0.8) ? this.base() : this.sub(outer, d - 1);
    switch (t.int(14)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4: {
        const r = t.chance(0.6) ? this.base() : this.sub(outer, d - 1);
        const both = [...l.cols, ...r.cols];
        const [li, ri] = [this.cols(l.cols, "int"), this.cols(r.cols, "int")];
        const key = li.length && ri.length
          ? `${t.pick(li).ref} ${t.pick(["=", "=", "=", "<", " IS NOT DISTINCT FROM "])} ${
            t.pick(ri).ref
          }`
          : "true";
        const on = t.chance(0.75)
          ? key
          : t.chance(0.5)
          ? `${key} AND ${this.bool(both, [], d - 1)}`
          : this.bool(both, [], 0);
        const ty = t.pick([
          "JOIN",
          "LEFT JOIN",
          "LEFT JOIN",
          "RIGHT JOIN",
          "FULL JOIN",
          "SEMI JOIN",
          "ANTI JOIN",
        ]);
        return {
          sql: `(${l.sql} ${ty} ${r.sql} ON ${on})`,
          cols: ty === "SEMI JOIN" || ty === "ANTI JOIN" ? l.cols : both,
        };
      }
      case 5:
      case 6:
      case 7: { // lateral
        const r = this.sub([...l.cols, ...outer], d - 1);
        const ty = t.pick(["JOIN", "LEFT JOIN"]);
        return { sql: `(${l.sql} ${ty} LATERAL ${r.sql} ON true)`, cols: [...l.cols, ...r.cols] };
      }
      case 8: {
        const r = this.base();
        return { sql: `(${l.sql} CROSS JOIN ${r.sql})`, cols: [...l.cols, ...r.cols] };
      }
      case 9: {
        const a = this.name("n");
        const ls = this.list(l.cols, outer, d - 1);
        const ord = t.chance(0.3);
        return {
          sql: `(${l.sql} ${t.pick(["CROSS JOIN", "CROSS JOIN"])} LATERAL unnest(${ls}) ${
            ord ? "WITH ORDINALITY " : ""
          }${a}(v${ord ? ", o" : ""}))`,
          cols: [...l.cols, { ref: `${a}.v`, ty: "int" }],
        };
      }
      case 10: {
        const a = this.name("n");
        return {
          sql: `(${l.sql} CROSS JOIN LATERAL generate_series(0, ${this.int(l.cols, outer, 0)}${
            t.pick(["", ", 2"])
          }) ${a}(v))`,
          cols: [...l.cols, { ref: `${a}.v::INTEGER`, ty: "int" }],
        };
      }
      case 11: {
        const a = this.name("v");
        return {
          sql: `(${l.sql} JOIN (VALUES (${this.int([], outer, 0)}, 'a'), (${
            t.int(3)
          }, 'b')) ${a}(p, r) ON ${this.int(l.cols, [], 0)} = ${a}.p)`,
          cols: [...l.cols, { ref: `${a}.p`, ty: "int" }, { ref: `${a}.r`, ty: "str" }],
        };
      }
      case 12: {
        const r = this.base();
        const lt = this.cols(l.cols, "ts");
        const rt = this.cols(r.cols, "ts");
        if (!lt.length || !rt.length) return l;
        if (t.chance(0.5)) {
          // One row for each time: the nearest is then a single one.
          const [key, value, g] = [t.pick(rt), t.pick(r.cols), this.name("g")];
          return {
            sql: `(${l.sql} ASOF LEFT JOIN (SELECT ${key.ref} AS k, max(${value.ref}) AS m ` +
              `FROM ${r.sql} GROUP BY ${key.ref}) ${g} ON ${t.pick(lt).ref} ${
                t.pick([">=", "<=", ">", "<"])
              } ${g}.k)`,
            cols: [...l.cols, { ref: `${g}.k`, ty: "ts" }, { ref: `${g}.m`, ty: value.ty }],
          };
        }
        return {
          sql: `(${l.sql} ASOF ${t.pick(["", "LEFT "])}JOIN ${r.sql} ON ${t.pick(lt).ref} ${
            t.pick([">=", "<=", ">", "<"])
          } ${t.pick(rt).ref})`,
          cols: [...l.cols, ...r.cols],
        };
      }
      default:
        return l;
    }
  }
  agg(s: Col[], o: Col[], d: number): { sql: string; ty: Ty } {
    const t = this.t;
    const i = () => this.int(s, o, d - 1);
    const f = t.chance(0.2) ? ` FILTER (WHERE ${this.bool(s, o, d - 1)})` : "";
    switch (t.int(12)) {
      case 0:
        return { sql: `count(*)${f}::INTEGER`, ty: "int" };
      case 1:
        return { sql: `count(${t.pick(["", "DISTINCT "])}${i()})${f}::INTEGER`, ty: "int" };
      case 2:
      case 3:
        return { sql: `sum(${t.pick(["", "", "DISTINCT "])}${i()})${f}::INTEGER`, ty: "int" };
      case 4:
        return { sql: `${t.pick(["min", "max"])}(${i()})${f}`, ty: "int" };
      case 5:
        return { sql: `${t.pick(["min", "max"])}(${this.str(s, o, d - 1)})${f}`, ty: "str" };
      case 6: {
        const e = i();
        return {
          sql: `list(${t.pick(["", "DISTINCT "])}${e} ORDER BY ${e}${
            t.pick(["", " DESC", " NULLS FIRST"])
          })${f}`,
          ty: "list",
        };
      }
      case 7: {
        const e = this.str(s, o, 0);
        return { sql: `string_agg(${e}, '${t.pick([",", ";"])}' ORDER BY ${e})${f}`, ty: "str" };
      }
      case 8:
        return {
          sql: `${
            t.pick(["any_value", "first", "last", "arg_min"])
          }(${i()}${""} ORDER BY ${i()})${f}`.replace(/arg_min\(/, "max("),
          ty: "int",
        };
      case 9:
        return { sql: `arg_max(${i()}, ${i()})${f}`, ty: "int" };
      case 10:
        return { sql: `list_sort(list(${i()})${f})`, ty: "list" };
      default:
        return { sql: `quantile_disc(${i()}, ${t.pick(["0.5", "0.25"])})${f}`, ty: "int" };
    }
  }
  window(s: Col[], o: Col[], d: number): { sql: string; ty: Ty } {
    const t = this.t;
    const i = () => this.int(s, o, d - 1);
    const part = t.chance(0.6) ? `PARTITION BY ${this.int(s, o, 0)}` : "";
    const ord = Array.from(
      { length: 1 + t.int(2) },
      () => `${this.int(s, o, 0)}${t.pick(["", " DESC", " NULLS FIRST"])}`,
    ).join(", ");
    const frame = t.pick([
      "",
      "",
      "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW",
      "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
      "GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
      "GROUPS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING EXCLUDE TIES",
      "RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW",
      "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE GROUP",
      "GROUPS BETWEEN 2 PRECEDING AND CURRENT ROW EXCLUDE GROUP",
    ]);
    const over = `OVER (${part} ORDER BY ${ord} ${frame})`;
    const plain = `OVER (${part} ORDER BY ${ord})`;
    switch (t.int(10)) {
      case 0:
        return { sql: `row_number() ${plain}::INTEGER`, ty: "int" };
      case 1:
        return { sql: `${t.pick(["rank", "dense_rank"])}() ${plain}::INTEGER`, ty: "int" };
      case 2:
        return {
          sql: `${t.pick(["lag", "lead"])}(${i()}${t.pick(["", ", 2", ", 1, 7"])}${
            t.pick(["", " IGNORE NULLS"])
          }) ${plain}`,
          ty: "int",
        };
      case 3:
        return {
          sql: `${t.pick(["first_value", "last_value"])}(${i()}${
            t.pick(["", " IGNORE NULLS"])
          }) ${over}`,
          ty: "int",
        };
      case 4:
        return { sql: `sum(${i()}) OVER (${part})::INTEGER`, ty: "int" };
      case 5:
        return { sql: `count(${t.pick(["", "DISTINCT "])}${i()}) ${over}::INTEGER`, ty: "int" };
      case 6:
        return { sql: `ntile(2) ${plain}::INTEGER`, ty: "int" };
      case 7:
        return { sql: `max(${i()}) FILTER (WHERE ${this.bool(s, o, 0)}) ${over}`, ty: "int" };
      case 8: {
        const e = i();
        return {
          sql: `rank(ORDER BY ${e}) ${over.replace(/EXCLUDE [A-Z]+( ROW)?/, "")}::INTEGER`,
          ty: "int",
        };
      }
      default:
        return { sql: `sum(${i()}) ${over}::INTEGER`, ty: "int" };
    }
  }
  query(outer: Col[], d: number): { sql: string; cols: Named[] } {
    const t = this.t;
    if (d > 0 && t.chance(0.15)) { // set operation
      const k = this.ctes.length;
      const [a, b] = [this.query(outer, d - 1), this.query(outer, d - 1)];
      this.ctes.length = Math.min(this.ctes.length, k);
      const n = 1 + t.int(2);
      const op = t.pick([
        "UNION",
        "UNION ALL",
        "EXCEPT",
        "EXCEPT ALL",
        "INTERSECT",
        "INTERSECT ALL",
      ]);
      const proj = (q: typeof a) => {
        const al = this.name("q");
        const cs = q.cols.filter((c) => c.ty === "int");
        return `SELECT ${
          Array.from({ length: n }, (_, i) => cs[i] ? `${al}.${cs[i]!.name}` : `${i}`).join(", ")
        } FROM (${q.sql}) ${al}`;
      };
      const al = this.name("u");
      return {
        sql: `SELECT * FROM ((${proj(a)}) ${op} (${proj(b)})) ${al}(${
          Array.from({ length: n }, (_, i) => `e${i}`).join(", ")
        })`,
        cols: Array.from({ length: n }, (_, i) => ({ name: `e${i}`, ty: "int" as Ty })),
      };
    }
    let withs = "";
    const k = this.ctes.length;
    if (d > 0 && t.chance(0.2)) {
      const c = this.query(t.chance(0.3) ? outer : [], d - 1);
      const name = this.name("c");
      withs = `WITH ${name} AS ${t.pick(["", "MATERIALIZED ", "NOT MATERIALIZED "])}(${c.sql}) `;
      this.ctes.push({ name, cols: c.cols });
    }
    const f = this.from(outer, d);
    const s = f.cols;
    const where = t.chance(0.55) ? ` WHERE ${this.bool(s, outer, d)}` : "";
    const out: { sql: string; ty: Ty }[] = [];
    let tail = "";
    if (t.chance(0.35)) {
      const groups = Array.from(
        { length: t.int(3) },
        () =>
          t.chance(0.7)
            ? { sql: this.int(s, outer, 1), ty: "int" as Ty }
            : { sql: this.str(s, outer, 1), ty: "str" as Ty },
      ).filter((g) => /[a-z]\d+\./.test(g.sql) && !/SELECT/.test(g.sql));
      for (const g of groups) out.push(g);
      const n = 1 + t.int(2);
      for (let i = 0; i < n; i++) out.push(this.agg(s, outer, Math.min(d, 1)));
      if (groups.length) {
        const gs = groups.map((g) => g.sql);
        tail += ` GROUP BY ${
          t.chance(0.7) ? gs.join(", ") : t.pick([
            `ROLLUP (${gs.join(", ")})`,
            `CUBE (${gs.join(", ")})`,
            `GROUPING SETS ((${gs[0]}), ())`,
            `GROUPING SETS ((${gs.join(", ")}), (${gs[0]}), (${gs[0]}))`,
          ])
        }`;
        if (/GROUPING SETS|ROLLUP|CUBE/.test(tail) && t.chance(0.5)) {
          out.push({ sql: `grouping(${gs[0]})::INTEGER`, ty: "int" });
        }
      }
      if (t.chance(0.25)) {
        tail += ` HAVING ${this.agg(s, [], 0).sql} IS ${t.pick(["", "NOT "])}NULL`;
      }
    } else {
      const n = 1 + t.int(3);
      for (let i = 0; i < n; i++) {
        if (t.chance(0.15)) out.push(this.window(s, outer, Math.min(d, 1)));
        else {
          const ty = t.pick(["int", "int", "int", "str", "list", "bool", "ts"] as Ty[]);
          out.push({ sql: this.expr(ty, s, outer, d), ty });
        }
      }
      if (t.chance(0.12)) {
        const w = this.window(s, outer, 0);
        tail += ` QUALIFY ${w.sql} <= ${1 + t.int(2)}`;
      }
    }
    let distinct = "";
    if (t.chance(0.12)) distinct = "DISTINCT ";
    else if (t.chance(0.05)) distinct = `DISTINCT ON (${out[0]!.sql}) `;
    const names = out.map((_, i) => `e${i}`);
    let ord = "";
    if (t.chance(0.3)) {
      ord = ` ORDER BY ${t.chance(0.4) ? names.join(", ") : t.pick(names) + t.pick(["", " DESC"])}`;
    }
    if (t.chance(0.2)) ord += ` LIMIT ${1 + t.int(4)}${t.chance(0.2) ? " OFFSET 1" : ""}`;
    this.ctes.length = k;
    return {
      sql: `${withs}SELECT ${distinct}${
        out.map((e, i) => `${e.sql} AS e${i}`).join(", ")
      } FROM ${f.sql}${where}${tail}${ord}`,
      cols: out.map((e, i) => ({ name: `e${i}`, ty: e.ty })),
    };
  }
}
