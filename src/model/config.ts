/** `seeknal_project.yml`, normalised. */
export interface ProjectConfig {
  readonly name: string;
  readonly version: string | null;
  readonly description: string | null;
  /** Time to live of new environments, in seconds. */
  readonly ttlSeconds: number;
}
