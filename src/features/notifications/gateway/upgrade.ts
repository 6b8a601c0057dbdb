// From an HTTP upgrade to a socket in the gateway: who asks, for whom, from where on. What is refused is refused before
// the handshake, as an HTTP answer with a problem document.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { WebSocketServer } from 'ws';
import type { Auth } from '../../../core/feature.ts';
import { Problem, problem } from '../../../core/http/problem.ts';
import { refuseUpgrade } from '../../../core/http/web-sockets.ts';
import { pointer } from '../../../core/json/flaws.ts';
import { isUser, USER_LENGTH_MAX } from '../../../core/user.ts';
import { isNotificationId } from './frames.ts';
import type { Gateway } from './gateway.ts';

export const GATEWAY_PATH = '/v1/notifications';

interface Request {
  user: string;
  after: string | undefined;
  token: string;
}

const FRAME_BYTES_MAX = 1_024;
const CLOSE_TIMEOUT_MS = 5_000;
const PROTOCOL_PREFIX = 'tem.';
const PARAMETERS = new Set(['user', 'after', 'token']);

/** Makes the listener of the HTTP server's `upgrade` event. */
export function createUpgrade(gateway: Gateway, auth: Auth, log: Logger) {
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: FRAME_BYTES_MAX,
    perMessageDeflate: false,
    // A browser drops the connection unless the server names one of the protocols it offered.
    handleProtocols: (protocols) => [...protocols].find((protocol) => protocol.startsWith(PROTOCOL_PREFIX)) ?? false,
    // Spread, because the types of ws don't know this option yet.
    ...{ closeTimeout: CLOSE_TIMEOUT_MS },
  });

  return async function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Until ws takes over, a reset connection has nobody else who listens.
    const onError = (): void => void socket.destroy();
    socket.on('error', onError);
    try {
      const wanted = readRequest(request);
      if (wanted instanceof Problem) return refuseUpgrade(socket, wanted);
      const { user, after, token } = wanted;
      const refusal = (await authorise(auth, user, token)) ?? reserve(gateway, user);
      if (refusal) return refuseUpgrade(socket, refusal);
      let taken = false;
      try {
        // Before the handshake ends, so that what happens after the client sees it open is not missed.
        const cursor = await gateway.startingPoint(user, after);
        if (socket.destroyed) return;
        socket.off('error', onError);
        // Called back at once, or never when the handshake is refused (which answers by itself).
        webSockets.handleUpgrade(request, socket, head, (webSocket) => {
          taken = true;
          gateway.add(webSocket, user, cursor);
        });
      } finally {
        if (!taken) gateway.release(user);
      }
    } catch (error) {
      log.warn({ error: (error as Error).message }, 'a socket could not be opened');
      refuseUpgrade(
        socket,
        problem(
          503,
          'ledger_unavailable',
          'the ledger cannot be reached or is overloaded; nothing is wrong with the request',
        ),
      );
    }
  };
}

function readRequest(request: IncomingMessage): Request | Problem {
  const [, query] = (request.url ?? '').split('?', 2);
  const searchParams = new URLSearchParams(query);
  const odd = oddParameter(searchParams);
  if (odd) return odd;
  const user = searchParams.get('user') ?? '';
  if (!isUser(user)) {
    const detail = `must have 1 to ${USER_LENGTH_MAX} characters, none of them a control character`;
    return problem(400, 'invalid_query', detail, { path: '/user' });
  }
  const after = searchParams.get('after') ?? undefined;
  if (after !== undefined && !isNotificationId(after)) {
    return problem(400, 'invalid_query', 'must be the id of a notification, or 0 for all', { path: '/after' });
  }
  const token = searchParams.get('token') || fromProtocol(request) || fromHeader(request);
  if (!token) {
    return problem(401, 'unauthorized', `give a user token as ?token= or as subprotocol ${PROTOCOL_PREFIX}<token>`);
  }
  return { user, after, token };
}

function oddParameter(searchParams: URLSearchParams): Problem | undefined {
  const seen = new Set<string>();
  for (const name of searchParams.keys()) {
    const path = pointer([name]);
    if (!PARAMETERS.has(name)) return problem(400, 'invalid_query', 'is an unknown parameter', { path });
    if (seen.has(name)) return problem(400, 'invalid_query', 'is given twice', { path });
    seen.add(name);
  }
  return undefined;
}

function fromProtocol({ headers }: IncomingMessage): string | undefined {
  const protocols = headers['sec-websocket-protocol']?.split(',').map((protocol) => protocol.trim()) ?? [];
  return protocols.find((protocol) => protocol.startsWith(PROTOCOL_PREFIX))?.slice(PROTOCOL_PREFIX.length);
}

function fromHeader({ headers }: IncomingMessage): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
}

async function authorise(auth: Auth, user: string, token: string): Promise<Problem | undefined> {
  const principal = await auth.authenticate(token);
  if (principal === undefined) return problem(401, 'unauthorized', 'the token is not valid');
  if (principal.kind === 'user' && principal.user !== user) {
    return problem(403, 'forbidden', "the token's sub is not the user that was asked for");
  }
  if (principal.kind !== 'user' && (principal.scopes || !principal.mayReadPayloads)) {
    return problem(403, 'forbidden', 'this key may not see what notifications hold');
  }
  return undefined;
}

function reserve(gateway: Gateway, user: string): Problem | undefined {
  if (gateway.stopping) return problem(503, 'stopping', 'the server is stopping');
  switch (gateway.reserve(user)) {
    case 'user':
      return problem(429, 'too_many_sockets', 'this user has as many sockets as are allowed');
    case 'total':
      return problem(503, 'too_many_sockets', 'the server has as many sockets as are allowed');
    default:
      return undefined;
  }
}
