import { readBatchSettings } from "./api.ts";
import type { Delivery, ExposureType } from "./exposure_type.ts";
import { jsonBatches } from "./json_rows.ts";
import { sendRequest } from "./send_request.ts";

/** Rows in an envelope that says what they are, for a receiver of events. */
export const WEBHOOK: ExposureType = {
  name: "webhook",
  summary: "A webhook: rows in an envelope with what they are, in batches",
  inputs: "one",
  parse: readBatchSettings,
  target: ({ url }) => String(url),
  deliver: async (delivery: Delivery): Promise<number> => {
    const { inputs: [input], settings, name, project, environment } = delivery;
    const size = Number(settings["batch_size"]);
    const batches = Math.max(1, Math.ceil(input!.rows / size));
    const envelope = (batch: number, rows: string) => {
      const about = { format_version: 1, project, exposure: name, environment, node: input!.id };
      const head = JSON.stringify({ ...about, total_rows: input!.rows, batch, batches });
      return `${head.slice(0, -1)},"rows":${rows}}`;
    };
    if (input!.rows === 0) await sendRequest(delivery, envelope(1, "[]"), 0);
    let part = 0;
    for await (const { json } of jsonBatches(input!, size)) {
      await sendRequest(delivery, envelope(part + 1, json), part);
      part++;
    }
    return input!.rows;
  },
};
