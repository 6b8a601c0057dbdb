// An HTTP server that answers sendMessage as the Bot API documents: {ok, result} or {ok, error_code, description, parameters}.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { atEnd } from '../../support/at-end.ts';

export const TOKEN = '123456:token-of-the-tests';

/** Chat 400 does not exist. */
export async function startTelegram() {
  const delivered: Record<string, unknown>[] = [];
  let busyUntilMs = 0;
  let busySeconds = 0;
  const telegram = {
    url: '',
    delivered,
    /** Messages that came before the time that the server had named. */
    tooEarly: 0,
    /** The next message is answered 429, and so is every one within these seconds. */
    busyFor(seconds: number) {
      busySeconds = seconds;
    },
  };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const answer = (status: number, said: object): void =>
        void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said));
      const refuse = (error_code: number, description: string, parameters?: object): void =>
        answer(error_code, { ok: false, error_code, description, ...(parameters && { parameters }) });
      if (request.method !== 'POST' || request.url !== `/bot${TOKEN}/sendMessage`) return refuse(404, 'Not Found');
      const message = JSON.parse(body) as Record<string, unknown>;
      if (message.chat_id === '400') return refuse(400, 'Bad Request: chat not found');
      if (busySeconds > 0) {
        busyUntilMs = performance.now() + busySeconds * 1_000;
        const parameters = { retry_after: busySeconds };
        busySeconds = 0;
        return refuse(429, 'Too Many Requests: retry after 1', parameters);
      }
      if (performance.now() < busyUntilMs - 20) telegram.tooEarly += 1;
      delivered.push(message);
      return answer(200, {
        ok: true,
        result: { message_id: delivered.length, chat: { id: message.chat_id }, text: message.text },
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  telegram.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  return telegram;
}
