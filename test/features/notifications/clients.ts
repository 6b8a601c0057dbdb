// Gateways on real HTTP servers and clients on real sockets, ended with the test.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { createAuth } from '../../../src/api/auth.ts';
import { createWebSockets } from '../../../src/core/http/web-sockets.ts';
import { createListener } from '../../../src/core/ledger/listener.ts';
import { Gateway, type GatewayTiming } from '../../../src/features/notifications/gateway/gateway.ts';
import { createUpgrade, GATEWAY_PATH } from '../../../src/features/notifications/gateway/upgrade.ts';
import type { NotificationFrame } from '../../../src/features/notifications/messages.ts';
import type { TestDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';

export const ADMIN_KEY = 'admin-key-for-the-tests';
export const USER_TOKEN_SECRET = 'a secret of at least thirty-two bytes';

export interface TestGateway {
  gateway: Gateway;
  server: Server;
  url: string;
  /** What it logged. */
  log: string[];
}

export async function startGateway(
  { databaseUrl, pool }: TestDatabase,
  options: {
    timing?: Partial<GatewayTiming>;
    limits?: { socketsPerUser: number; socketsTotal: number };
    listens?: boolean;
  } = {},
): Promise<TestGateway> {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const gateway = new Gateway({
    pool,
    log,
    limits: options.limits ?? { socketsPerUser: 10, socketsTotal: 2_000 },
    // A gateway whose NOTIFYs are lost: it listens on a database where nobody speaks.
    createListener: () =>
      createListener(options.listens === false ? databaseUrl.replace(/[^/]+$/, 'postgres') : databaseUrl, log),
    ...(options.timing && { timing: options.timing }),
  });
  const server = createServer();
  createWebSockets(server).serve(
    GATEWAY_PATH,
    createUpgrade(gateway, createAuth({ adminKey: ADMIN_KEY, userTokenSecret: USER_TOKEN_SECRET }), log),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  gateway.start();
  onTestFinished(async () => {
    await gateway.stop();
    server.close();
  });
  return {
    gateway,
    server,
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1/notifications`,
    log: lines,
  };
}

export function userToken(user: string, expiresIn = '5m'): Promise<string> {
  return new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setExpirationTime(expiresIn)
    .sign(new TextEncoder().encode(USER_TOKEN_SECRET));
}

export interface Client {
  socket: WebSocket;
  frames: NotificationFrame[];
  ids(): number[];
  closed: Promise<{ code: number; reason: string }>;
  /** Resolves when so many frames have come; throws after the time. */
  received(count: number, timeoutMs?: number): Promise<NotificationFrame[]>;
}

/** Connects as the user with a token of its own; resolves when the socket is open. */
export async function connect(url: string, user: string, after?: string, options: ClientOptions = {}): Promise<Client> {
  const query = new URLSearchParams({ user, token: await userToken(user), ...(after !== undefined && { after }) });
  const client = follow(new WebSocket(`${url}?${query}`, options));
  await new Promise<void>((resolve, reject) => client.socket.once('open', resolve).once('error', reject));
  return client;
}

export function follow(socket: WebSocket): Client {
  const frames: NotificationFrame[] = [];
  socket.on('message', (data) => frames.push(JSON.parse(data.toString())));
  socket.on('error', () => {});
  onTestFinished(() => socket.terminate());
  return {
    socket,
    frames,
    ids: () => frames.map(({ id }) => Number(id)),
    closed: new Promise((resolve) =>
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    ),
    received: (count, timeoutMs) => waitFor(() => (frames.length >= count ? frames : undefined), timeoutMs),
  };
}

export interface RefusedUpgrade {
  status: number;
  headers: Record<string, unknown>;
  problem: Record<string, unknown>;
}

/** What an upgrade is answered with when it is refused. Throws when it isn't. */
export function refusedUpgrade(
  url: string,
  options: ClientOptions & { protocols?: string[] } = {},
): Promise<RefusedUpgrade> {
  const socket = new WebSocket(url, options.protocols ?? [], options);
  socket.on('error', () => {});
  onTestFinished(() => socket.terminate());
  return new Promise((resolve, reject) => {
    socket.once('open', () => reject(new Error('the upgrade was not refused')));
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, problem: JSON.parse(body) }),
      );
    });
  });
}
