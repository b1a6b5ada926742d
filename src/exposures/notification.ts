import { didYouMean } from "../base/closest.ts";
import type { Delivery, ExposureType } from "./exposure_type.ts";
import { readRequestSettings, sendRequest } from "./send_request.ts";

const CHANNELS = ["webhook", "slack"] as const;

/** A message that there is something new, with numbers of rows; no rows. */
export const NOTIFICATION: ExposureType = {
  name: "notification",
  summary: "A message that there is something new: webhook or Slack",
  inputs: "any",
  parse: (params) => {
    const channel = params.optionalText("channel") ?? "webhook";
    const message = params.optionalText("message");
    const request = readRequestSettings(params);
    if (!CHANNELS.some((one) => one === channel)) {
      const hint = didYouMean(channel, CHANNELS) ?? `write channel: ${CHANNELS.join(" | ")}`;
      params.problem(["channel"], "wrong_value", `Unknown channel "${channel}"`, hint);
      return null;
    }
    return request === null ? null : { ...request, channel, message };
  },
  target: ({ channel, url }) => `${channel} ${url}`,
  deliver: async (delivery: Delivery): Promise<number> => {
    const { settings, inputs, project, environment, name } = delivery;
    const counts = inputs.map(({ id, rows }) => `${id}: ${rows} ${rows === 1 ? "row" : "rows"}`);
    const title = settings["message"] ?? `${project}: ${name} has new data`;
    const text = [`${title} (${environment})`, ...counts].join("\n");
    const payload = settings["channel"] === "slack" ? { text } : {
      format_version: 1,
      project,
      exposure: name,
      environment,
      inputs: inputs.map(({ id, rows }) => ({ node: id, rows })),
      text,
    };
    await sendRequest(delivery, JSON.stringify(payload), 0);
    return inputs.reduce((sum, { rows }) => sum + rows, 0);
  },
};
