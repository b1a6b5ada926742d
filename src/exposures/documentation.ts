import type { ExposureType } from "./exposure_type.ts";

/** Uses of the data that take it themselves: they are written down for lineage and impact, and nothing is delivered. */
export const DOCUMENTATION_TYPES: readonly ExposureType[] = [
  ["dashboard", "A dashboard that shows the data"],
  ["notebook", "A notebook that reads the data"],
  ["analysis", "An analysis that was made with the data"],
  ["ml", "A machine learning model that learns from the data"],
  ["application", "A program that works with the data"],
].map(([name, summary]): ExposureType => ({
  name: name!,
  summary: summary!,
  inputs: "any",
  parse: () => ({}),
  target: () => name!,
}));
