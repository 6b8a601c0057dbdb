// A TCP connection to a test's database that can be cut, or go silent, as a network or a server does.

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface DatabaseLink {
  /** The database, through the link. */
  databaseUrl: string;
  /** Ends every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Passes nothing on, and ends nothing. */
  freeze(): void;
  /** Passes nothing more on over the connections that are open now; new ones work. */
  silence(): void;
  restore(): Promise<void>;
}

export async function linkDatabase(databaseUrl: string): Promise<DatabaseLink> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let frozen = false;
  let server: Server | undefined;
  const listen = async (port: number): Promise<number> => {
    const fresh = createServer((client) => {
      const upstream = connect(Number(target.port), target.hostname);
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(from);
        if (frozen) from.pause();
        from.on('data', (chunk) => to.write(chunk));
        from.on('error', () => to.destroy());
        from.on('close', () => {
          sockets.delete(from);
          to.destroy();
        });
      }
    });
    server = fresh;
    await new Promise<void>((resolve) => fresh.listen(port, '127.0.0.1', resolve));
    return (fresh.address() as AddressInfo).port;
  };
  const cut = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
    server = undefined;
  };
  const port = await listen(0);
  onTestFinished(cut);
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return {
    databaseUrl: url.href,
    cut,
    freeze() {
      frozen = true;
      for (const socket of sockets) socket.pause();
    },
    silence() {
      for (const socket of sockets) socket.pause();
    },
    async restore() {
      frozen = false;
      for (const socket of sockets) socket.resume();
      if (!server) await listen(port);
    },
  };
}
