// Routes of the example feature: accepting by code, an upload that is streamed, a WebSocket.

import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type WebSocket, WebSocketServer } from 'ws';
import type { RouteDependencies } from '../../../src/core/feature.ts';
import type { ExampleSettings } from './index.ts';

const UPLOAD_WITHIN_MS = 3_000;

export function exampleRoutes(app: FastifyInstance, { accept, webSockets }: RouteDependencies<ExampleSettings>): void {
  app.post<{ Body: { names: string[] } }>('/v1/example/greetings', async ({ body }) => {
    const outcomes = await accept(
      body.names.map((name) => ({ type: 'example.greeting', payload: { name }, key: name, source: 'example' })),
    );
    return outcomes.map((outcome) => (outcome instanceof Error ? outcome.message : outcome.status));
  });

  app.addContentTypeParser('text/csv', (_request, payload, done) => done(null, payload));
  app.post('/v1/example/lines', { config: { bodyWithinMs: UPLOAD_WITHIN_MS } }, async (request) => {
    let lines = 0;
    for await (const chunk of request.body as Readable) lines += String(chunk).split('\n').length - 1;
    return { lines };
  });

  const sockets = new WebSocketServer({ noServer: true });
  webSockets.serve('/v1/example/echo', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      webSocket.on('message', (data) => webSocket.send(String(data).toUpperCase()));
    }),
  );
}
