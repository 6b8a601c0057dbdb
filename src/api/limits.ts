// Against guessing and against wearing the database out: an address that keeps failing waits longer each time, and reads
// that cost are limited by caller. All of it is of one process, and bounded.

import { isIPv6 } from 'node:net';
import { hashOf } from '../core/access/keys.ts';
import type { Principal } from '../core/access/principal.ts';
import type { Auth } from '../core/feature.ts';
import { Problem } from '../core/http/problem.ts';

const FAILURES_FREE = 10;
const LOCKED_MS_MIN = 1_000;
const LOCKED_MS_MAX = 5 * 60_000;
const FORGOTTEN_AFTER_MS = 15 * 60_000;
const REMEMBERED_MAX = 10_000;

export interface Lockout {
  /** Throws while the address is locked, unless the credential of this hash was right before. */
  check(address: string, hash: Buffer): void;
  failed(address: string): void;
  /** The failures of an address stay: one right key must not buy more guesses. */
  succeeded(hash: Buffer): void;
}

/** `now` in milliseconds. */
export function createLockout(now: () => number = () => performance.now()): Lockout {
  const failures = new Map<string, { count: number; atMs: number }>();
  // Whoever guesses from behind a proxy must not lock out those who share its address.
  const known = new Map<string, true>();
  return {
    check(address, hash) {
      const found = failures.get(placeOf(address));
      if (!found) return;
      const waitMs = found.atMs + lockedMs(found.count) - now();
      if (waitMs <= 0 || known.has(nameOf(hash))) return;
      throw tooMany('too_many_failures', 'too many wrong keys came from this address', waitMs);
    },
    failed(address) {
      const place = placeOf(address);
      const found = failures.get(place);
      const isFresh = found && now() - found.atMs < FORGOTTEN_AFTER_MS;
      remember(failures, place, { count: (isFresh ? found.count : 0) + 1, atMs: now() });
    },
    succeeded(hash) {
      remember(known, nameOf(hash), true);
    },
  };
}

/** Who holds this key or token, asked from this address. Throws a Problem while the address is locked. */
export async function authenticateFrom(
  { auth, lockout }: { auth: Auth; lockout: Lockout },
  address: string,
  credential: string,
): Promise<Principal | undefined> {
  // Nobody guesses a signature, and a browser's token that has just ended is no guess.
  if (credential.split('.').length === 3) return auth.authenticate(credential);
  // Once, for both: it is asked with every call.
  const hash = hashOf(credential);
  lockout.check(address, hash);
  const principal = await auth.authenticate(credential, hash);
  if (principal) lockout.succeeded(hash);
  else lockout.failed(address);
  return principal;
}

function lockedMs(count: number): number {
  return count < FAILURES_FREE ? 0 : Math.min(LOCKED_MS_MAX, LOCKED_MS_MIN * 2 ** (count - FAILURES_FREE));
}

/** Whoever has an IPv6 address has the 2^64 beside it too. */
function placeOf(address: string): string {
  return isIPv6(address) && !address.startsWith('::ffff:') ? address.split(':').slice(0, 4).join(':') : address;
}

function nameOf(hash: Buffer): string {
  return hash.toString('base64');
}

/** Takes one of `name`'s reads; throws when he has none left. */
export type TakeRead = (name: string) => void;

export function createReadLimit(perMinute: number, now: () => number = () => performance.now()): TakeRead {
  const left = new Map<string, { reads: number; atMs: number }>();
  const perMs = perMinute / 60_000;
  return (name) => {
    const at = now();
    const before = left.get(name) ?? { reads: perMinute, atMs: at };
    const reads = Math.min(perMinute, before.reads + (at - before.atMs) * perMs);
    if (reads < 1) {
      const detail = `${perMinute} reads a minute that cost are as many as a caller may make`;
      throw tooMany('too_many_reads', detail, (1 - reads) / perMs);
    }
    remember(left, name, { reads: reads - 1, atMs: at });
  };
}

function tooMany(code: string, detail: string, waitMs: number): Problem {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000));
  return new Problem(429, code, `${detail}: come again in ${retryAfterSeconds} s`, { retryAfterSeconds });
}

/** The oldest gives way. */
function remember<Value>(map: Map<string, Value>, name: string, value: Value): void {
  map.delete(name);
  map.set(name, value);
  const oldest = map.size > REMEMBERED_MAX ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
}
