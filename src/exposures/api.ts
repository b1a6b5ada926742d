import type { FieldReader } from "../base/field_reader.ts";
import type { Delivery, ExposureSettings, ExposureType } from "./exposure_type.ts";
import { jsonBatches } from "./json_rows.ts";
import { readRequestSettings, sendRequest } from "./send_request.ts";

const BATCH_ROWS = 1000;

/** `batch_size` and what every request has. */
export function readBatchSettings(params: FieldReader): ExposureSettings | null {
  const size = params.optionalPositive("batch_size") ?? BATCH_ROWS;
  const request = readRequestSettings(params);
  if (Number.isInteger(size)) return request === null ? null : { ...request, batch_size: size };
  params.problem(
    ["batch_size"],
    "wrong_value",
    `"${size}" is no number of rows`,
    "write batch_size: 1000",
  );
  return null;
}

/** Rows as JSON arrays, for an interface that takes many at once. */
export const API: ExposureType = {
  name: "api",
  summary: "An HTTP interface: rows as JSON arrays, in batches",
  inputs: "one",
  parse: readBatchSettings,
  target: ({ url }) => String(url),
  deliver: async (delivery: Delivery): Promise<number> => {
    const [input] = delivery.inputs;
    let part = 0;
    for await (const { json } of jsonBatches(input!, Number(delivery.settings["batch_size"]))) {
      await sendRequest(delivery, json, part++);
    }
    return input!.rows;
  },
};
