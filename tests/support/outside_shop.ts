import { type CliResult, runSeeknal, TempProject } from "./project.ts";
import { runChild } from "./child.ts";
import type { TestPostgres } from "./postgres.ts";
import { source, transform } from "./shop.ts";

/** Where the tables of {@linkcode OutsideShop} are. */
export interface OutsideShopOptions {
  /** Database of the connection `warehouse`. */
  readonly warehouse: string;
  /** Database of the connection `finance`. */
  readonly finance: string;
  /** Database of `warehouse` in the environment dev, by `profiles-dev.yml`; absent: none of its own. */
  readonly devWarehouse?: string;
  /** More lines of each connection, such as `virtual_layer: true`. */
  readonly extra?: string;
}

/**
 * A shop whose nodes are written to two PostgreSQL databases and an Iceberg catalog:
 *
 * - `transform.orders`: warehouse `analytics.orders`, lake `shop.orders`
 * - `transform.totals`: finance `reports.totals`
 * - `transform.names`: warehouse `analytics.names`
 */
export class OutsideShop extends TempProject {
  readonly postgres: TestPostgres;
  readonly databases: OutsideShopOptions;

  constructor(postgres: TestPostgres, databases: OutsideShopOptions) {
    super({ env: { PG_PASSWORD: postgres.password } });
    this.postgres = postgres;
    this.databases = databases;
    this.write("seeknal_project.yml", "name: outside_shop\n");
    this.write("data/raw_orders.csv", "id,customer_id,amount\n1,1,10.50\n2,2,20.00\n3,1,5.25\n");
    this.write("data/customers.csv", "customer_id,name\n1,Ann\n2,Bob\n");
    this.write("seeknal/sources.yml", source("raw_orders") + "---\n" + source("customers"));
    this.#writeProfile("profiles.yml", databases.warehouse);
    if (databases.devWarehouse !== undefined) {
      this.#writeProfile("profiles-dev.yml", databases.devWarehouse);
    }
    this.setOrders("amount");
    this.write(
      "seeknal/totals.yml",
      transform(
        "totals",
        ["transform.orders"],
        "SELECT customer_id, sum(amount) AS total FROM ref('transform.orders') GROUP BY customer_id",
        target("finance", "reports.totals"),
      ),
    );
    this.write(
      "seeknal/names.yml",
      transform(
        "names",
        ["source.customers"],
        "SELECT customer_id, upper(name) AS name FROM ref('source.customers')",
        target("warehouse", "analytics.names"),
      ),
    );
  }

  /** Writes `transform.orders` with another expression for its amount. */
  setOrders(amount: string): void {
    this.write(
      "seeknal/orders.yml",
      transform(
        "orders",
        ["source.raw_orders"],
        `SELECT id, customer_id, CAST(${amount} AS DECIMAL(12, 2)) AS amount FROM ref('source.raw_orders')`,
        target("warehouse", "analytics.orders") +
          "  - type: iceberg\n    table: lake.shop.orders\n    mode: overwrite\n",
      ),
    );
  }

  /** Runs a command that must succeed, in a process of its own where `${VAR}` is the machine's. */
  async command(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.child(...args);
    if (code !== 0) throw new Error(`seeknal ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
    return stdout + stderr;
  }

  /** Runs a command in a process of its own. */
  child(...args: string[]): Promise<CliResult> {
    return runChild(this.root, args, { PG_PASSWORD: this.postgres.password });
  }

  /** Runs a command in a process of its own that kills itself at a fault point. */
  killedAt(
    point: string,
    skip: number,
    ...args: string[]
  ): Promise<CliResult> {
    return runChild(this.root, args, {
      PG_PASSWORD: this.postgres.password,
      SEEKNAL_FAULT_POINT: point,
      SEEKNAL_FAULT_SKIP: String(skip),
    });
  }

  /** Runs a command in this process; it must succeed. */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runSeeknal(this, args);
    if (code !== 0) throw new Error(`seeknal ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
    return stdout + stderr;
  }

  /** Rows of a table of the warehouse, in order. */
  warehouse(table: string): Promise<Record<string, unknown>[]> {
    return this.postgres.query(
      this.databases.warehouse,
      `SELECT * FROM ${table} AS t ORDER BY t::text`,
    );
  }

  /** Rows of a table of finance, in order. */
  finance(table: string): Promise<Record<string, unknown>[]> {
    return this.postgres.query(
      this.databases.finance,
      `SELECT * FROM ${table} AS t ORDER BY t::text`,
    );
  }

  #writeProfile(path: string, warehouse: string): void {
    const { finance, extra = "" } = this.databases;
    this.write(
      path,
      `connections:\n${this.#connection("warehouse", warehouse, extra)}` +
        `${this.#connection("finance", finance, extra)}  lake:\n    type: iceberg\n` +
        "    warehouse: lake\n",
    );
  }

  #connection(name: string, database: string, extra: string): string {
    const { host, port, user } = this.postgres;
    const lines = {
      type: "postgresql",
      host,
      port,
      user,
      password: "${PG_PASSWORD}",
      database,
    };
    const fields = Object.entries(lines).map(([key, value]) => `    ${key}: ${value}\n`).join("");
    return `  ${name}:\n${fields}${extra}`;
  }
}

/** `materializations:` with one PostgreSQL table. */
export function target(connection: string, table: string, extra = ""): string {
  return `materializations:\n  - type: postgresql\n    connection: ${connection}\n    table: ${table}\n${extra}`;
}
