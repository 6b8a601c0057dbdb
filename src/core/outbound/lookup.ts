// Names to addresses for outbound calls. The system's resolver blocks one of Node's few threads for as long as a name
// server is silent, so that a handful of dead names would stop every other call: DNS is asked without a thread, for a few
// seconds at most, and the system only for what the machine itself may know (hosts file, search list).

import { type LookupAddress, type LookupAllOptions, lookup as systemLookup } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { createTurns } from '../turns.ts';
import { within } from '../within.ts';

/** Shape of `dns.lookup` with `all: true`. */
export type LookupAll = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface NameSources {
  system?: LookupAll;
  /** Name servers, as address:port; the machine's unless others are given. */
  servers?: readonly string[];
  hostsFile?: string;
}

const ANSWER_WITHIN_MS = 3_000;
const TRY_MS = 1_000;
const TRIES = 2;
// Name servers change when a machine changes its network; a resolver reads them once.
const RESOLVER_KEPT_MS = 30_000;
const HOSTS_KEPT_MS = 5_000;
const HOSTS_FILE = process.platform === 'win32' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts';
// One thread of Node's four stays free.
const SYSTEM_LOOKUPS_AT_ONCE = 3;
// As many as there can be connections that open at once.
const SYSTEM_LOOKUPS_WAITING_MAX = 1_000;
// Answers of a DNS that works, or isn't there at all: the system is as quick, and may know a search list or another source.
const SYSTEM_MAY_KNOW = new Set(['ENOTFOUND', 'ENODATA', 'ECONNREFUSED']);

/** Resolves as the machine would, except that a name server's silence ends after 3 s and holds up nobody else. */
export function createLookup({ system = systemLookup, servers, hostsFile = HOSTS_FILE }: NameSources = {}): LookupAll {
  const turns = createTurns(SYSTEM_LOOKUPS_AT_ONCE, SYSTEM_LOOKUPS_WAITING_MAX, 'names wait for the system');
  const isInHosts = createHosts(hostsFile);
  const resolver = createResolver(servers);
  const askSystem: LookupAll = (hostname, options, callback) => {
    const asked = turns(
      () =>
        new Promise<Parameters<typeof callback>>((resolve) =>
          system(hostname, options, (...answer) => resolve(answer)),
        ),
    );
    asked.then(
      (answer) => callback(...answer),
      (error: Error) => callback(error, []),
    );
  };
  return (hostname, options, callback) => {
    const name = hostname.replace(/\.$/, '');
    // A name without a dot means what the search list makes of it.
    if (!name.includes('.') || name.endsWith('.localhost') || isInHosts(name)) {
      askSystem(hostname, options, callback);
      return;
    }
    askDns(resolver(), hostname).then(
      (found) => {
        const addresses = found.filter(({ family }) => !options.family || family === options.family);
        if (addresses.length > 0) callback(null, addresses);
        else callback(Object.assign(new Error('no address of this kind'), { code: 'ENOTFOUND' }), []);
      },
      (error: NodeJS.ErrnoException) => {
        if (SYSTEM_MAY_KNOW.has(error.code ?? '')) askSystem(hostname, options, callback);
        else callback(error, []);
      },
    );
  };
}

/** Connections that open at the same time share one question; nothing is kept once it is answered. */
export function sharedLookup(lookup: LookupAll): LookupAll {
  const asked = new Map<string, ((error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void)[]>();
  return (hostname, options, callback) => {
    const question = `${hostname} ${options.family ?? 0} ${options.hints ?? 0}`;
    const others = asked.get(question);
    if (others) {
      others.push(callback);
      return;
    }
    const callbacks = [callback];
    asked.set(question, callbacks);
    lookup(hostname, options, (error, addresses) => {
      asked.delete(question);
      for (const answer of callbacks) answer(error, addresses);
    });
  };
}

/** IPv4 first, as most machines have it. Rejects with DNS's error code, ETIMEOUT for silence. */
async function askDns(resolver: Resolver, hostname: string): Promise<LookupAddress[]> {
  const answers = await Promise.allSettled([
    inTime(resolver.resolve4(hostname)).then((found) => found.map((address) => ({ address, family: 4 }))),
    inTime(resolver.resolve6(hostname)).then((found) => found.map((address) => ({ address, family: 6 }))),
  ]);
  const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (addresses.length > 0) return addresses;
  const errors = answers.map((answer) => (answer.status === 'rejected' ? answer.reason : undefined));
  throw errors.find((error) => !SYSTEM_MAY_KNOW.has(error?.code)) ?? errors[0];
}

function inTime<Value>(answer: Promise<Value>): Promise<Value> {
  return within(ANSWER_WITHIN_MS, answer, () => Object.assign(new Error('no answer from DNS'), { code: 'ETIMEOUT' }));
}

function createResolver(servers: readonly string[] | undefined): () => Resolver {
  let kept: Resolver | undefined;
  let keptUntilMs = 0;
  return () => {
    if (kept && performance.now() < keptUntilMs) return kept;
    kept = new Resolver({ timeout: TRY_MS, tries: TRIES });
    if (servers) kept.setServers(servers);
    keptUntilMs = performance.now() + RESOLVER_KEPT_MS;
    return kept;
  };
}

function createHosts(path: string): (hostname: string) => boolean {
  let names = new Set<string>();
  let keptUntilMs = 0;
  return (hostname) => {
    if (performance.now() >= keptUntilMs) {
      names = readHosts(path);
      keptUntilMs = performance.now() + HOSTS_KEPT_MS;
    }
    return names.has(hostname.toLowerCase());
  };
}

function readHosts(path: string): Set<string> {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // A machine may have none.
  }
  const entries = text.split('\n').map((line) => line.replace(/#.*$/, '').trim().toLowerCase().split(/\s+/).slice(1));
  return new Set(entries.flat());
}
