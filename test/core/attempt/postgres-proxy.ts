// A proxy between TEM and Postgres that loses one COMMIT: before the server gets it, or the server's answer to it.

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export type Loss = 'request' | 'answer';

export interface PostgresProxy {
  url: string;
  /** The next COMMIT that comes by is lost in this way, and its connection with it. */
  loseNextCommit(loss: Loss): void;
  lost(): number;
}

export async function createPostgresProxy(databaseUrl: string): Promise<PostgresProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let next: Loss | undefined;
  let lost = 0;

  const server = createServer((client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port) });
    sockets.add(client).add(upstream);
    let answerIsLost = false;
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      socket
        .setNoDelay(true)
        .on('error', end)
        .on('close', () => {
          sockets.delete(socket);
          end();
        });
    }
    client.on('data', (data) => {
      // A simple query: 'Q', its length, its text.
      if (next && data[0] === 0x51 && data.toString('latin1', 5).startsWith('commit')) {
        lost += 1;
        answerIsLost = next === 'answer';
        const requestIsLost = next === 'request';
        next = undefined;
        if (requestIsLost) return end();
      }
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (answerIsLost) return end();
      client.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    loseNextCommit(loss) {
      next = loss;
    },
    lost: () => lost,
  };
}
