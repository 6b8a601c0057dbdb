// A pooler in transaction mode, as far as sessions go: each client logs in by a connection of its own, then the statements of
// all clients go to the server session of the first, whose transactions they don't share.

import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

const KEY_DATA = 'K';
const READY = 'Z';
const TERMINATE = 'X';
/** What a client waits for the answer to: a Query or a Sync. */
const ENDS = ['Q', 'S'];
const IDLE = 'I'.charCodeAt(0);

/** The database through it; closed when the test has ended. */
export async function transactionPooler(databaseUrl: string): Promise<string> {
  const url = new URL(databaseUrl);
  const upstreamPort = Number(url.port);
  const sockets = new Set<Socket>();
  const waiting: { client: Socket; bytes: Buffer }[] = [];
  let session: Socket | undefined;
  let holder: Socket | undefined;

  const goOn = (): void => {
    const index = holder === undefined ? 0 : waiting.findIndex(({ client }) => client === holder);
    const [next] = index < 0 ? [] : waiting.splice(index, 1);
    if (!next) return;
    holder = next.client;
    session?.write(next.bytes);
  };
  const serve = (client: Socket): void => {
    let batch: Buffer[] = [];
    client.removeAllListeners('data').on(
      'data',
      messages((type, bytes) => {
        if (type === TERMINATE) return void client.end();
        batch.push(bytes);
        if (!ENDS.includes(type)) return;
        waiting.push({ client, bytes: Buffer.concat(batch) });
        batch = [];
        if (holder === undefined || holder === client) goOn();
      }),
    );
  };
  const share = (upstream: Socket): void => {
    session = upstream;
    upstream.removeAllListeners('data').on(
      'data',
      messages((type, bytes) => {
        holder?.write(bytes);
        if (type !== READY) return;
        if (bytes[5] === IDLE) holder = undefined;
        goOn();
      }),
    );
  };
  const server = createServer((client) => {
    const upstream = createConnection({ host: url.hostname, port: upstreamPort });
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}));
    client.on('data', (chunk) => upstream.write(chunk));
    upstream.on(
      'data',
      messages((type, bytes) => {
        // A pooler's clients learn a number of its own.
        if (type === KEY_DATA) bytes.writeInt32BE(1, 5);
        client.write(bytes);
        if (type !== READY) return;
        if (session === undefined) share(upstream);
        else upstream.destroy();
        serve(client);
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return Object.assign(url, { hostname: '127.0.0.1', port: String((server.address() as AddressInfo).port) }).href;
}

/** Cuts what comes into the protocol's messages. */
function messages(take: (type: string, bytes: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
      const end = 1 + rest.readUInt32BE(1);
      const message = rest.subarray(0, end);
      rest = rest.subarray(end);
      take(String.fromCharCode(message[0] as number), message);
    }
  };
}
