// Connected users and what sends to them, on one clock: opens a WebSocket for each user, sends notifications at a fixed
// rate and notes when each arrives.

import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { WebSocket } from 'ws';
import { runAsChild } from '../child.ts';
import { percentile } from '../figures.ts';
import { notificationEvent } from '../payloads.ts';

interface SocketsInput {
  url: string;
  adminKey: string;
  users: number;
  perSecond: number;
  warmUpSeconds: number;
  seconds: number;
}

const CONNECTING_AT_ONCE = 20;
const ARRIVAL_TIMEOUT_MS = 60_000;
const POLL_MS = 50;

runAsChild<SocketsInput>(async ({ url, adminKey, users, perSecond, warmUpSeconds, seconds }) => {
  const warmUp = warmUpSeconds * perSecond;
  const wanted = warmUp + seconds * perSecond;
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  const latencies = new Map<number, number>();
  const sockets = await connectAll(url, headers.authorization, users, (number, dueAt) => {
    if (!latencies.has(number)) latencies.set(number, performance.now() - dueAt);
  });
  const pool = new Pool(url, { connections: 20 });
  const startedAt = performance.now();
  const answers: Promise<void>[] = [];
  for (let number = 0; number < wanted; number++) {
    const dueAt = startedAt + (number * 1_000) / perSecond;
    const waitMs = dueAt - performance.now();
    if (waitMs > 0) await delay(waitMs);
    const body = JSON.stringify(notificationEvent(`user-${number % users}`, { number, dueAt }));
    answers.push(
      pool.request({ method: 'POST', path: '/v1/events', headers, body }).then(async (answer) => {
        await answer.body.dump();
        if (answer.statusCode !== 202) throw new Error(`POST answered ${answer.statusCode}`);
      }),
    );
  }
  await Promise.all(answers);
  const giveUpAt = performance.now() + ARRIVAL_TIMEOUT_MS;
  while (latencies.size < wanted && performance.now() < giveUpAt) await delay(POLL_MS);
  for (const socket of sockets) socket.terminate();
  const counted = [...latencies].filter(([number]) => number >= warmUp).map(([, ms]) => ms);
  return { sent: wanted, received: latencies.size, p50Ms: percentile(counted, 0.5), p99Ms: percentile(counted, 0.99) };
});

async function connectAll(
  url: string,
  authorization: string,
  users: number,
  onArrival: (number: number, dueAt: number) => void,
): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  const connectOne = (user: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/notifications?user=user-${user}`, {
        headers: { authorization },
      });
      sockets.push(socket);
      socket.once('open', () => resolve());
      socket.on('error', reject);
      socket.on('message', (text) => {
        const { data } = JSON.parse(String(text)) as { data?: { number: number; dueAt: number } };
        if (data) onArrival(data.number, data.dueAt);
      });
    });
  for (let from = 0; from < users; from += CONNECTING_AT_ONCE) {
    const some = Array.from({ length: Math.min(CONNECTING_AT_ONCE, users - from) }, (_, index) =>
      connectOne(from + index),
    );
    await Promise.all(some);
  }
  return sockets;
}
