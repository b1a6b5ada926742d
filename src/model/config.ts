/** `seeknal_project.yml`, normalised. */
export interface ProjectConfig {
  readonly name: string;
  readonly version: string | null;
  readonly description: string | null;
  /** Time to live of new environments, in seconds. */
  readonly ttlSeconds: number;
  readonly autoCategorize: AutoCategorize;
  /** How strict lint is about a rule, where not as the rule itself says. */
  readonly lint: Readonly<Record<string, LintLevel>>;
}

/** What a rule of lint does with what it finds. */
export type LintLevel = (typeof LINT_LEVELS)[number];

/** The values of {@linkcode LintLevel}. */
export const LINT_LEVELS = ["off", "warn", "error"] as const;

/**
 * Who decides what a change means for the readers: always the program (`full`), a person
 * where the program cannot tell (`semi`), always a person (`off`).
 */
export type AutoCategorize = (typeof AUTO_CATEGORIZE)[number];

/** The values of {@linkcode AutoCategorize}. */
export const AUTO_CATEGORIZE = ["full", "semi", "off"] as const;
