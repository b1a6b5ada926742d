import { compactJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/hash.ts";
import type { ExposureType } from "../exposures/exposure_type.ts";
import { EXPORTS_DIR } from "../exposures/file.ts";
import { findExposureType } from "../exposures/registry.ts";
import { type EnvName, type NodeId, PROD } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";
import { deliveriesOf } from "../model/outside.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { exposureSettings } from "../nodes/exposure.ts";
import { isValidRecord } from "./outputs.ts";
import { requireEnvironment } from "./require_environment.ts";
import type { Workspace } from "./workspace.ts";

/** An exposure of an environment as it stands. */
export interface ExposureState {
  readonly id: NodeId;
  readonly type: string;
  /** Where it goes in this environment, as written. */
  readonly target: string;
  readonly inputs: readonly NodeId[];
  /**
   * `pending`: its inputs, or itself, changed since it was delivered. `waiting`: an input is not built.
   * `documentation`: nothing is ever delivered.
   */
  readonly status: "delivered" | "pending" | "waiting" | "documentation";
}

/** An exposure with what is to be delivered of it. */
export interface DueExposure extends ExposureState {
  readonly node: ManifestNode;
  readonly exposure: ExposureType;
  readonly hash: string;
}

/** The exposures of an environment, in id order. Throws `unknown_environment` (2). */
export async function listExposures(workspace: Workspace, env: EnvName): Promise<ExposureState[]> {
  const snapshot = await workspace.state.snapshot(requireEnvironment(workspace, env));
  return exposureStates(workspace, env, snapshot).map(({ id, type, target, inputs, status }) => ({
    id,
    type,
    target,
    inputs,
    status,
  }));
}

/** Exposures of an environment that are to be delivered; none where it does not exist. */
export async function pendingExposures(workspace: Workspace, env: EnvName): Promise<NodeId[]> {
  const snapshot = await workspace.state.snapshot(workspace.state.head(env));
  return exposureStates(workspace, env, snapshot)
    .filter(({ status }) => status === "pending").map(({ id }) => id);
}

/** How exposures of a state stand, in id order. */
export function exposureStates(
  workspace: Workspace,
  env: EnvName,
  snapshot: Snapshot,
): DueExposure[] {
  const { manifest, results, outside } = snapshot;
  const delivered = deliveriesOf(outside, env);
  return [...manifest.nodes.values()].flatMap((node): DueExposure[] => {
    const exposure = node.kind === "exposure"
      ? findExposureType(String(node.config["type"]))
      : null;
    if (exposure === null) return [];
    const settings = exposureSettings(node.config);
    const contents = node.inputs.map((id) => [id, results.get(id)?.content_hash ?? null]);
    const hash = sha256(compactJson([exposure.name, settings, contents]));
    const isBuilt = node.inputs.every((id) => {
      const input = manifest.nodes.get(id);
      return input?.virtual === true || isReadable(workspace, snapshot, id);
    });
    const status = exposure.deliver === undefined
      ? "documentation"
      : !isBuilt
      ? "waiting"
      : delivered.get(node.id)?.delivery_hash === hash
      ? "delivered"
      : "pending";
    const target = exposure.target(settings);
    const place = exposure.name === "file" && env !== PROD
      ? `target/environments/${env}/exports/${belowExports(target)}`
      : target;
    const { id, inputs } = node;
    return [{ id, type: exposure.name, target: place, inputs, status, node, exposure, hash }];
  });
}

/** True where an output is there, whatever its node has become since: production may keep what an older definition made. */
function isReadable({ cache }: Workspace, { manifest, results }: Snapshot, id: NodeId): boolean {
  const [node, record] = [manifest.nodes.get(id), results.get(id)];
  if (node === undefined || record === undefined) return false;
  return isValidRecord(record, { ...node, fingerprint: record.fingerprint }, cache);
}

/** A path without the folder where production's exports are: an environment has a folder of its own. */
export function belowExports(path: string): string {
  return path.startsWith(`${EXPORTS_DIR}/`) ? path.slice(EXPORTS_DIR.length + 1) : path;
}
