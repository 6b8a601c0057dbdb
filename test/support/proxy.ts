// A TCP proxy in front of a server, so that a test can make the network between two processes go silent: while it is
// stalled nothing is forwarded and nothing is refused, as when packets are dropped.

import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Proxy {
  /** host:port to connect to instead of the server's. */
  address: string;
  port: number;
  /** Forwards nothing in either direction; connections stay open and new ones are not answered. */
  stall(): void;
  resume(): void;
}

export interface ProxyOptions {
  /** Changes what the server sends, chunk by chunk; called once for each connection. */
  fromServer?: () => (chunk: Buffer) => Buffer;
  /** The same for what the client sends. */
  fromClient?: () => (chunk: Buffer) => Buffer;
}

/** Starts a proxy for `target` (host:port); it is closed when the test has ended. */
export async function startProxy(target: string, { fromServer, fromClient }: ProxyOptions = {}): Promise<Proxy> {
  const [host, port] = target.split(':') as [string, string];
  const sockets = new Set<Socket>();
  let stalled = false;
  const waiting: (() => void)[] = [];

  const follow = (socket: Socket, other: Socket, change = (chunk: Buffer): Buffer => chunk): void => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      if (!other.write(change(chunk))) socket.pause();
    });
    socket.on('drain', () => {
      if (!stalled) other.resume();
    });
    socket.on('close', () => {
      sockets.delete(socket);
      other.destroy();
    });
    if (stalled) socket.pause();
  };

  const server = createServer({ pauseOnConnect: true }, (client) => {
    client.on('error', () => {});
    const forward = (): void => {
      const upstream = createConnection({ host, port: Number(port) });
      follow(client, upstream, fromClient?.());
      follow(upstream, client, fromServer?.());
      client.resume();
    };
    if (stalled) waiting.push(forward);
    else forward();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    for (const forward of waiting.splice(0)) forward();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  const { port: own } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${own}`,
    port: own,
    stall() {
      stalled = true;
      for (const socket of sockets) socket.pause();
    },
    resume() {
      stalled = false;
      for (const socket of sockets) socket.resume();
      for (const forward of waiting.splice(0)) forward();
    },
  };
}

/** Drops the protocol's NotificationResponse, as a pooler does that has nobody to give it to. */
export function withoutNotifications(): (chunk: Buffer) => Buffer {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const kept: Buffer[] = [];
    while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
      const end = 1 + rest.readUInt32BE(1);
      if (rest[0] !== 'A'.charCodeAt(0)) kept.push(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    return Buffer.concat(kept);
  };
}
