import { DatabaseSync } from "node:sqlite";

/** Runs statements on a SQLite file, and makes it where it is not there. */
export function sqlite(path: string, sql: string): void {
  using database = disposable(path);
  database.value.exec(sql);
}

/** An open database, closed when it goes out of scope. */
export function disposable(path: string): Disposable & { readonly value: DatabaseSync } {
  const value = new DatabaseSync(path);
  return { value, [Symbol.dispose]: () => value.close() };
}
