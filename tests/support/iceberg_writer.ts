// Brings one batch into an Iceberg table and is killed at some point on the way.
import { ICEBERG_TARGET } from "../../src/targets/iceberg.ts";
import type { TableWrite } from "../../src/model/materialization.ts";

/** What the writer is told, as JSON in its only argument. */
export interface WriterOrder {
  readonly connection: Parameters<typeof ICEBERG_TARGET.open>[0];
  readonly root: string;
  readonly id: string;
  readonly writes: readonly { readonly write: TableWrite; readonly parquet: string }[];
}

if (import.meta.main) {
  const order: WriterOrder = JSON.parse(Deno.args[0] ?? "{}");
  const store = await ICEBERG_TARGET.open(order.connection, {
    env: () => undefined,
    root: order.root,
    temporaryDir: `${order.root}/tmp`,
    objectsDir: `${order.root}/objects`,
    now: () => new Date(),
    signal: new AbortController().signal,
  });
  const writes = order.writes.map(({ write }) => write);
  await Deno.stdout.write(new TextEncoder().encode("begin\n"));
  for (const { write, parquet } of order.writes) await store.stage(order.id, write, parquet);
  await store.swap(order.id, writes);
  await Deno.stdout.write(new TextEncoder().encode("swapped\n"));
  await store.finish(order.id, writes);
  await Deno.stdout.write(new TextEncoder().encode("end\n"));
}
