import { compactJson } from "../base/canonical_json.ts";
import { compareText } from "../base/diagnostic.ts";
import { sha256 } from "../base/hash.ts";
import type { Fingerprint, NodeId } from "../model/ids.ts";
import type { SourceVersion } from "../model/manifest.ts";

/** Raised whenever a fingerprint would mean something else than before. */
const FINGERPRINT_VERSION = 1;

/** Everything that decides a node's rows. */
export interface FingerprintParts {
  readonly id: NodeId;
  readonly engine: string;
  readonly queryHash: string;
  readonly version: SourceVersion | null;
  readonly inputs: readonly { readonly id: NodeId; readonly fingerprint: Fingerprint }[];
}

/**
 * Hashes what a node's rows depend on: its query's meaning, the data it reads
 * and the fingerprints of its inputs. Description, owner, tags, file name, white
 * space and the order of inputs are not in it.
 */
export function fingerprintOf(parts: FingerprintParts): Fingerprint {
  const inputs = new Map(parts.inputs.map(({ id, fingerprint }) => [id, fingerprint]));
  return sha256(compactJson({
    version: FINGERPRINT_VERSION,
    engine: parts.engine,
    id: parts.id,
    query: parts.queryHash,
    data: parts.version?.hash ?? null,
    inputs: [...inputs].sort(([a], [b]) => compareText(a, b)),
  })) as Fingerprint;
}
