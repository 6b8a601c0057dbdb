// Free ports on the loopback address. The preferred one is taken when it is free, else the next one that is.

import { connect, createServer } from 'node:net';

const LOOPBACK = '127.0.0.1';
const PORTS_TRIED_MAX = 200;
const CONNECT_TIMEOUT_MS = 500;

/** Whether nobody listens on this port of `host`. */
export async function isPortFree(port: number, host: string = LOOPBACK): Promise<boolean> {
  // Some systems let a second server bind an address that another one holds for all interfaces; a connection tells.
  if (await isPortAnswering(port, host)) return false;
  return (await tryListen(port, host)) !== undefined;
}

/** The preferred port or the next free one that is not in `except`; 0 asks the system for any. */
export async function freePort(
  preferred: number,
  except: readonly number[] = [],
  host: string = LOOPBACK,
): Promise<number> {
  for (let tried = 0; tried < PORTS_TRIED_MAX; tried += 1) {
    const port = preferred === 0 ? await tryListen(0, host) : preferred + tried;
    if (port === undefined || port > 65_535) break;
    if (!except.includes(port) && (preferred === 0 || (await isPortFree(port, host)))) return port;
  }
  throw new Error(`no free port from ${preferred} on: all of ${PORTS_TRIED_MAX} are taken`);
}

function tryListen(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : undefined));
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
