/** A column of a node that a draft reads. */
export interface DraftColumn {
  readonly name: string;
  readonly type: string;
}

/** What columns of a node are good for, as far as names and types tell; null where there is none. */
export interface ColumnRoles {
  /** Tells things apart: `customer_id`. */
  readonly key: DraftColumn | null;
  /** A date or a time. */
  readonly time: DraftColumn | null;
  /** Something to add up. */
  readonly number: DraftColumn | null;
  /** A text with few values, as far as one can guess. */
  readonly category: DraftColumn | null;
}

/** What a template wants of the node that it reads. */
export type Wanted = keyof ColumnRoles;

/** What the roles are called in messages. */
export const ROLE_WORDS: Readonly<Record<Wanted, string>> = {
  key: "a column to tell rows apart",
  time: "a DATE or TIMESTAMP column",
  number: "a column of numbers",
  category: "a text column",
};

const KEY = /(^|_)(id|key|uuid|code)$/i;
const TIME = /^(DATE|TIMESTAMP)/;
const NUMBER = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL)/;

/** Finds a column for each role. */
export function rolesOf(columns: readonly DraftColumn[]): ColumnRoles {
  const find = (test: (column: DraftColumn) => boolean) => columns.find(test) ?? null;
  const isKey = ({ name }: DraftColumn) => KEY.test(name);
  const isList = ({ type }: DraftColumn) => type.includes("[");
  const number = find((c) => NUMBER.test(c.type) && !isKey(c) && !isList(c));
  const time = find((c) => TIME.test(c.type) && !isList(c));
  const texts = columns.filter((c) => c.type === "VARCHAR" && !isKey(c));
  // The last key is the one of something else than the row itself: features are about that.
  const key = columns.filter(isKey).at(-1) ?? texts[0] ?? find((c) => c !== number && c !== time);
  return { key, time, number, category: texts.find((c) => c !== key) ?? null };
}

/** How many columns of an order's key tell its own rows apart: the first one by name. */
export function rowKeyOf(columns: readonly DraftColumn[]): DraftColumn | null {
  return columns.find(({ name }) => KEY.test(name)) ?? columns[0] ?? null;
}
