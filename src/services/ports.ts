// Free ports on the loopback address. The preferred one is taken when it is free, else the next one that is, also when it
// is lost in the last moment.

import { type AddressInfo, connect, createServer } from 'node:net';
import { ConfigError } from '../config.ts';

/** How often others are chosen. */
const PORT_ATTEMPTS_MAX = 5;

const LOOPBACK = '127.0.0.1';
const PORTS_TRIED_MAX = 200;
const CONNECT_TIMEOUT_MS = 500;
const PORT_MAX = 65_535;
const TAKEN = 'is taken by another program';
const FORBIDDEN = 'may not be used by this user (EACCES)';

/** Whether nobody listens on this port of `host`. */
export async function isPortFree(port: number, host: string = LOOPBACK): Promise<boolean> {
  return (await portProblem(port, host)) === undefined;
}

/** Why a server can't listen there, as the end of a sentence; undefined when it can. */
export async function portProblem(port: number, host: string = LOOPBACK): Promise<string | undefined> {
  // Some systems let a second server bind an address that another one holds for all interfaces; a connection tells.
  if (await isPortAnswering(port, host)) return TAKEN;
  const tried = await tryListen(port, host);
  return 'port' in tried ? undefined : wordsFor(tried.code);
}

/** The preferred port or the next free one that is not in `except`; 0 asks the system for any. */
export async function freePort(
  preferred: number,
  except: readonly number[] = [],
  host: string = LOOPBACK,
): Promise<number> {
  let problem = TAKEN;
  for (let tried = 0; tried < PORTS_TRIED_MAX && preferred + tried <= PORT_MAX; tried += 1) {
    if (preferred === 0) {
      const found = await tryListen(0, host);
      if ('port' in found && !except.includes(found.port)) return found.port;
      if ('code' in found) problem = wordsFor(found.code);
    } else if (!except.includes(preferred + tried)) {
      const found = await portProblem(preferred + tried, host);
      if (found === undefined) return preferred + tried;
      problem = found;
    }
    // Another port of an address that isn't this machine's is no better.
    if (![TAKEN, FORBIDDEN].includes(problem)) break;
  }
  throw new ConfigError(`no port from ${preferred} on is free: on ${host} the last one tried ${problem}`);
}

/** Another program took a port between the look and the start of what shall listen on it. */
export class PortTaken extends ConfigError {}

export interface WantedPorts {
  /** One for each address that the server needs; 0 asks for any. */
  ports: readonly number[];
  /** Others were told these: no other ones will do. */
  areFixed?: boolean;
  host?: string;
}

/**
 * Starts a server on the wanted ports, or on the next free ones, and on others again as long as `start` rejects with
 * PortTaken: whoever looks for a free port listens on it only seconds later.
 */
export async function startOnFreePorts<Server>(
  { ports, areFixed = false, host }: WantedPorts,
  start: (ports: number[]) => Promise<Server>,
): Promise<Server> {
  const tried: number[] = [];
  for (let attempt = 1; ; attempt += 1) {
    const chosen: number[] = [];
    for (const port of ports) chosen.push(areFixed ? port : await freePort(port, [...tried, ...chosen], host));
    try {
      return await start(chosen);
    } catch (error) {
      if (!(error instanceof PortTaken) || areFixed || attempt === PORT_ATTEMPTS_MAX) throw error;
      tried.push(...chosen);
    }
  }
}

function wordsFor(code: string): string {
  if (code === 'EADDRINUSE') return TAKEN;
  if (code === 'EACCES') return FORBIDDEN;
  return `can't be used: the address is not one of this machine's (${code})`;
}

function tryListen(port: number, host: string): Promise<{ port: number } | { code: string }> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve({ code: error.code ?? error.message }));
    server.listen(port, host, () => {
      const { port: listened } = server.address() as AddressInfo;
      server.close(() => resolve({ port: listened }));
    });
  });
}

/** Whether somebody listens on this port. */
export function isPortAnswering(port: number, host: string = LOOPBACK): Promise<boolean> {
  if (port === 0) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({ port, host, timeout: CONNECT_TIMEOUT_MS });
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
    socket.once('timeout', () => done(false));
  });
}
