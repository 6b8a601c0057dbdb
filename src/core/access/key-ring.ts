// The keys as an API process holds them, so that no request asks the database: all of them, read again in the background
// while requests come in. A key that was made or revoked elsewhere is known within a second; one of this process at once.

import type { Pool } from 'pg';
import { type LiveKey, markUsed, readLiveKeys } from './keys.ts';
import type { KeyHolder } from './principal.ts';

/** Older than this, they are read again while they still serve. */
const REFRESH_AFTER_MS = 300;
/** Older than this, they don't serve any more: the reading is waited for. */
const STALE_AFTER_MS = 800;
const MARK_USED_EVERY_MS = 60_000;

export interface KeyRing {
  /** Who holds the key of this hash; undefined when it is none. Rejects when the ledger is away and nothing recent is known. */
  find(hash: Buffer): Promise<KeyHolder | undefined>;
  /** The holder of the key of this id. */
  byId(id: string): Promise<KeyHolder | undefined>;
  /** After a change that this process made. */
  forget(): void;
}

interface Held {
  holder: KeyHolder & { id: string };
  untilMs: number;
}

interface Keys {
  readAtMs: number;
  byHash: Map<string, Held>;
  byId: Map<string, Held>;
}

export function createKeyRing(pool: Pool): KeyRing {
  let keys: Keys | undefined;
  let reading: Promise<Keys> | undefined;
  let changes = 0;
  const marked = new Map<string, number>();

  const read = async (): Promise<Keys> => {
    const [at, seen] = [performance.now(), changes];
    const fresh = keysOf(await readLiveKeys(pool), at);
    // What was read before a change of this process is out of date already.
    if (seen !== changes) return read();
    keys = fresh;
    return fresh;
  };
  const refresh = (): Promise<Keys> => {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  const current = (): Keys | Promise<Keys> => {
    const ageMs = keys ? performance.now() - keys.readAtMs : Number.POSITIVE_INFINITY;
    if (!keys || ageMs > STALE_AFTER_MS) return refresh();
    if (ageMs > REFRESH_AFTER_MS) refresh().catch(() => {});
    return keys;
  };
  const use = (held: Held | undefined): KeyHolder | undefined => {
    const now = performance.now();
    if (!held || now >= held.untilMs) return undefined;
    const { id } = held.holder;
    if (now - (marked.get(id) ?? Number.NEGATIVE_INFINITY) > MARK_USED_EVERY_MS) {
      marked.set(id, now);
      // What isn't noted now is noted a minute later.
      markUsed(pool, [id]).catch(() => {});
    }
    return held.holder;
  };

  return {
    find: async (hash) => use((await current()).byHash.get(hash.toString('base64'))),
    byId: async (id) => use((await current()).byId.get(id)),
    forget() {
      changes++;
      keys = undefined;
    },
  };
}

function keysOf(rows: LiveKey[], readAtMs: number): Keys {
  const keys: Keys = { readAtMs, byHash: new Map(), byId: new Map() };
  for (const row of rows) {
    const held = { holder: holderOf(row), untilMs: readAtMs + (row.live_for_ms ?? Number.POSITIVE_INFINITY) };
    keys.byHash.set(row.hash.toString('base64'), held);
    const other = keys.byId.get(row.id);
    if (!other || other.untilMs < held.untilMs) keys.byId.set(row.id, held);
  }
  return keys;
}

function holderOf({ id, name, role, types, groups, payloads }: LiveKey): KeyHolder & { id: string } {
  const scopes = types || groups ? { ...(types && { types }), ...(groups && { groups }) } : undefined;
  return { kind: 'key', id, name, role, scopes, mayReadPayloads: payloads };
}
