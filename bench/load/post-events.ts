// POSTs the same event over keep-alive connections, one request at a time on each. Plain sockets and a prepared request,
// because a full HTTP client would need more of the two processors than the server that it measures.

import { connect, type Socket } from 'node:net';
import { runAsChild } from '../child.ts';
import { percentile } from '../figures.ts';

interface PostInput {
  url: string;
  adminKey: string;
  connections: number;
  event: unknown;
  warmUpSeconds: number;
  seconds: number;
}

runAsChild<PostInput>(async ({ url, adminKey, connections, event, warmUpSeconds, seconds }) => {
  const { hostname, port, host } = new URL(url);
  const body = JSON.stringify(event);
  const request = [
    'POST /v1/events HTTP/1.1',
    `host: ${host}`,
    `authorization: Bearer ${adminKey}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
  const sockets = await Promise.all(Array.from({ length: connections }, () => opened(hostname, Number(port))));
  const latencies: number[] = [];
  let accepted = 0;
  let refused = 0;
  const countFrom = performance.now() + warmUpSeconds * 1_000;
  const endAt = countFrom + seconds * 1_000;
  await Promise.all(
    sockets.map(async (socket) => {
      for (let startedAt = performance.now(); startedAt < endAt; ) {
        const status = await exchange(socket, request);
        const now = performance.now();
        if (now >= countFrom && now <= endAt) {
          if (status === 202) accepted += 1;
          else refused += 1;
          latencies.push(now - startedAt);
        }
        startedAt = now;
      }
    }),
  );
  for (const socket of sockets) socket.destroy();
  return { accepted, refused, perSecond: accepted / seconds, p99Ms: percentile(latencies, 0.99) };
});

function opened(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.setEncoding('latin1');
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Sends a request and resolves to the status of its answer, once all of it has come. */
function exchange(socket: Socket, request: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    const end = (error?: Error): void => {
      socket.off('data', onData);
      socket.off('close', onClose);
      if (error) reject(error);
      else resolve(Number(text.slice(9, 12)));
    };
    const onClose = (): void => end(new Error('the server closed a connection'));
    const onData = (chunk: string): void => {
      text += chunk;
      const head = text.indexOf('\r\n\r\n');
      if (head === -1) return;
      const length = Number(/content-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
      if (text.length >= head + 4 + length) end();
    };
    socket.on('data', onData);
    socket.once('close', onClose);
    socket.write(request);
  });
}
