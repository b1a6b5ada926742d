/** `seeknal_project.yml`, normalised. */
export interface ProjectConfig {
  readonly name: string;
  readonly version: string | null;
  readonly description: string | null;
  /** Time to live of new environments, in seconds. */
  readonly ttlSeconds: number;
  readonly autoCategorize: AutoCategorize;
}

/**
 * Who decides what a change means for the readers: always the program (`full`), a person
 * where the program cannot tell (`semi`), always a person (`off`).
 */
export type AutoCategorize = (typeof AUTO_CATEGORIZE)[number];

/** The values of {@linkcode AutoCategorize}. */
export const AUTO_CATEGORIZE = ["full", "semi", "off"] as const;
