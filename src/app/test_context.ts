import type { SourceData } from "../nodes/node_kind.ts";
import type { LoadedManifest } from "./load_manifest.ts";
import type { FixtureFiles } from "./test_tables.ts";

/** What unit tests of a project have in common. */
export interface UnitTestContext {
  readonly loaded: LoadedManifest;
  /** As planning sees it, with what `{{ name }}` stands for. */
  readonly data: SourceData;
  readonly files: FixtureFiles;
  /** Folder for what scripts read and write. */
  readonly temporaryDir: string;
}
