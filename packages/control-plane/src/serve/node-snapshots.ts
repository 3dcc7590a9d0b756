import type { TrustBundle } from '../ca/trust.js';
import type { Model } from '../model/model.js';
import type { NodeIdentity, NodeResources } from '../translate/resources.js';
import { encodeSnapshot, type Snapshot } from './snapshot.js';

/** What the whole mesh is told from: configuration and trust, both immutable. */
export interface MeshConfig {
  readonly model: Model;
  readonly trust: TrustBundle;
}

export type Translate = (model: Model, node: NodeIdentity, trust: TrustBundle) => NodeResources;

interface Entry {
  users: number;
  config: MeshConfig | undefined;
  snapshot: Snapshot | undefined;
}

/** One translation for each node and each state of the configuration, however many streams the node has. */
export class NodeSnapshots {
  private readonly entries = new Map<string, Entry>();
  private readonly translate: Translate;

  constructor(translate: Translate) {
    this.translate = translate;
  }

  /** Keeps what is known of a node until `release` is called as often. */
  retain(node: NodeIdentity): void {
    const key = keyOf(node);
    const entry = this.entries.get(key);
    if (entry === undefined) this.entries.set(key, { users: 1, config: undefined, snapshot: undefined });
    else entry.users++;
  }

  release(node: NodeIdentity): void {
    const key = keyOf(node);
    const entry = this.entries.get(key);
    if (entry !== undefined && --entry.users === 0) this.entries.delete(key);
  }

  /** The node must be retained. */
  get(node: NodeIdentity, config: MeshConfig): Snapshot {
    const entry = this.entries.get(keyOf(node));
    if (entry === undefined) throw new Error(`node ${keyOf(node)} is not retained`);
    const known = entry.config;
    if (entry.snapshot === undefined || known?.model !== config.model || known.trust !== config.trust) {
      entry.snapshot = encodeSnapshot(this.translate(config.model, node, config.trust), entry.snapshot);
      entry.config = config;
    }
    return entry.snapshot;
  }
}

function keyOf(node: NodeIdentity): string {
  return [node.namespace, node.pod, node.serviceAccount, node.podIp, node.interception].join(' ');
}
