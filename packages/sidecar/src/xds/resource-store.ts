/**
 * The last good resources: what the control plane has sent and the sidecar has understood. Pure.
 *
 * - Listeners and clusters come as the whole set: what is absent is gone. Of the other types a response may hold a part; what nothing refers to
 *   any more is dropped.
 * - A resource that cannot be understood is refused, and the one of that name that was good before stays. The good ones beside it are taken.
 */
import { create } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { typeUrl, XDS_PUSH_ORDER, type XdsType } from '@tulle/xds';
import { checkAlone } from '../translate/alone.js';
import { assignmentNames, type PartsByName, routeNames, secretNames } from '../translate/proxy-config.js';
import { type Parts, understand } from '../translate/resources.js';

/** A resource as it came, to be kept on disk. */
export interface RawResource {
  readonly name: string;
  readonly value: Uint8Array;
}

export interface SavedResources {
  readonly versions: Readonly<Partial<Record<XdsType, string>>>;
  readonly resources: Readonly<Record<XdsType, readonly RawResource[]>>;
}

interface Held<T extends XdsType> {
  readonly value: Uint8Array;
  readonly part: Parts[T];
}

type HeldByType = { [T in XdsType]: Map<string, Held<T>> };

export class ResourceStore {
  private readonly held: HeldByType = {
    cds: new Map(),
    eds: new Map(),
    sds: new Map(),
    lds: new Map(),
    rds: new Map(),
  };
  private readonly refusedNames: Record<XdsType, Set<string>> = {
    cds: new Set(),
    eds: new Set(),
    sds: new Set(),
    lds: new Set(),
    rds: new Set(),
  };
  private readonly acceptedVersions: Partial<Record<XdsType, string>> = {};

  /**
   * Takes what can be taken of a response.
   * @returns why some of it was refused; empty: all is accepted, and its version is held.
   */
  accept<T extends XdsType>(type: T, version: string, resources: readonly Any[]): string[] {
    const results = resources.map((any) => ({ value: any.value, ...understand(type, any, checkAlone) }));
    const refusals = results.flatMap((result) => ('refusal' in result ? [result.refusal] : []));
    const held = this.heldOf(type);
    const refused = this.refusedNames[type];
    if (isWhole(type)) {
      const names = new Set(results.map(({ name }) => name));
      // A resource without a readable name may be any of those that seem to be gone: then all stay.
      if (!names.has('')) for (const name of held.keys()) if (!names.has(name)) held.delete(name);
      refused.clear();
    }
    for (const result of results) {
      refused.delete(result.name);
      if (!('refusal' in result)) held.set(result.name, { value: result.value, part: result.part });
      else if (!held.has(result.name)) refused.add(result.name);
    }
    if (refusals.length === 0) this.acceptedVersions[type] = version;
    this.dropUnwanted();
    return refusals;
  }

  /** What a sidecar asks for by name; undefined: all there are. */
  wanted(type: XdsType): readonly string[] | undefined {
    const parts = this.parts();
    switch (type) {
      case 'cds':
      case 'lds':
        return undefined;
      case 'eds':
        return [...assignmentNames(parts.cds.values())].sort();
      case 'rds':
        return [...routeNames(parts.lds.values())].sort();
      case 'sds':
        return [...secretNames(parts)].sort();
    }
  }

  /** The version of the last response of a type that was taken whole; empty: none. */
  version(type: XdsType): string {
    return this.acceptedVersions[type] ?? '';
  }

  /** Is there anything to serve from? Listeners and clusters have both come. */
  hasBegun(): boolean {
    return (['cds', 'lds'] as const).every(
      (type) => this.acceptedVersions[type] !== undefined || this.held[type].size > 0,
    );
  }

  parts(): PartsByName {
    const of = <T extends XdsType>(type: T): Map<string, Parts[T]> =>
      new Map([...this.held[type]].map(([name, { part }]) => [name, part as Parts[T]]));
    return { cds: of('cds'), eds: of('eds'), sds: of('sds'), lds: of('lds'), rds: of('rds') };
  }

  /** Is this resource refused, with no good one of that name before it? */
  has(type: XdsType, name: string): boolean {
    return this.refusedNames[type].has(name);
  }

  /**
   * Takes a resource back that was accepted and does not go together with others: it counts as refused until the control plane sends another of its name.
   * The version is forgotten with it, so that a new stream is sent all of its type.
   */
  setAside(type: XdsType, name: string): void {
    this.held[type].delete(name);
    this.refusedNames[type].add(name);
    delete this.acceptedVersions[type];
    this.dropUnwanted();
  }

  /** For the disk. */
  save(): SavedResources {
    const of = (type: XdsType): RawResource[] => [...this.held[type]].map(([name, { value }]) => ({ name, value }));
    return {
      versions: { ...this.acceptedVersions },
      resources: { cds: of('cds'), eds: of('eds'), sds: of('sds'), lds: of('lds'), rds: of('rds') },
    };
  }

  /**
   * Takes what an earlier sidecar saved. Its versions are taken with it, so that a control plane sees what is held.
   * @returns what could not be understood, as an older or newer program may have written it.
   */
  restore(saved: SavedResources): string[] {
    return XDS_PUSH_ORDER.flatMap((type) => {
      const refusals: string[] = [];
      for (const { value } of saved.resources[type]) {
        const result = understand(type, create(AnySchema, { typeUrl: typeUrl[type], value }), checkAlone);
        if ('refusal' in result) refusals.push(result.refusal);
        else this.heldOf(type).set(result.name, { value, part: result.part });
      }
      const version = saved.versions[type];
      if (refusals.length === 0 && version !== undefined) this.acceptedVersions[type] = version;
      return refusals;
    });
  }

  private heldOf<T extends XdsType>(type: T): Map<string, Held<T>> {
    return this.held[type] as Map<string, Held<T>>;
  }

  private dropUnwanted(): void {
    for (const type of ['eds', 'rds', 'sds'] as const) {
      const wanted = new Set(this.wanted(type));
      for (const name of this.held[type].keys()) if (!wanted.has(name)) this.held[type].delete(name);
      for (const name of this.refusedNames[type]) if (!wanted.has(name)) this.refusedNames[type].delete(name);
    }
  }
}

/** Of listeners and clusters a response holds all there are. */
function isWhole(type: XdsType): boolean {
  return type === 'lds' || type === 'cds';
}
