import { API } from "./api.ts";
import { DOCUMENTATION_TYPES } from "./documentation.ts";
import type { ExposureType } from "./exposure_type.ts";
import { FILE } from "./file.ts";
import { NOTIFICATION } from "./notification.ts";
import { WEBHOOK } from "./webhook.ts";

/** Every type of exposure, in the order in which help shows them. */
export const EXPOSURE_TYPES: readonly ExposureType[] = [
  FILE,
  API,
  WEBHOOK,
  NOTIFICATION,
  ...DOCUMENTATION_TYPES,
];

/** The exposure type of that name, or null. */
export function findExposureType(name: string): ExposureType | null {
  return EXPOSURE_TYPES.find((type) => type.name === name) ?? null;
}
