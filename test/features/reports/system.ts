// TEM with reports for tests: one API here, workers as processes, calls as a client makes them, and a mail server that
// answers as a test says.

import pino from 'pino';
import { SMTPServer } from 'smtp-server';
import { expect } from 'vitest';
import { startApi } from '../../../src/api/server.ts';
import { atEnd } from '../../support/at-end.ts';
import { createDatabase } from '../../support/database.ts';
import { ADMIN_KEY, testConfig, testEnvironment } from '../../support/environment.ts';
import { startTem } from '../../support/processes.ts';
import { createNamespace } from '../../support/temporal.ts';
import { waitFor } from '../../support/wait.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by their documented names
export type Json = any;

export async function startSystem({
  settings: given = {},
  reader,
}: {
  settings?: Record<string, string>;
  /** A role that is made, and reads this database as the source `shop`. */
  reader?: string;
} = {}) {
  const [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  const settings = { ...given };
  if (reader !== undefined) {
    await database.pool.query(`create role ${reader} login noinherit password 'reads' connection limit 10`);
    await database.pool.query(`alter role ${reader} set default_transaction_read_only = on`);
    const url = Object.assign(new URL(database.databaseUrl), { username: reader, password: 'reads' });
    settings.TEM_SOURCE_SHOP = url.href;
  }
  const environment = testEnvironment(database, temporal, { ...settings, TEM_FEATURES: 'reports' });
  let worker = startTem(['worker'], environment);
  const api = await startApi(testConfig(database, temporal, settings), pino({ level: 'silent' }));
  atEnd(async () => {
    await Promise.all([api.stop(), worker.stop()]);
    const { rows } = await database.pool.query(
      `select 'tem_reader_' || left(replace(id::text, '-', ''), 12) as role from tem.ledger`,
    );
    // Roles belong to the server, and would outlive this database.
    for (const role of [rows[0].role, ...(reader === undefined ? [] : [reader])]) {
      await database.pool.query(`drop owned by ${role}`).catch(() => {});
      await database.pool.query(`drop role if exists ${role}`).catch(() => {});
    }
  });
  await worker.ready();

  const fetched = (method: string, path: string, body?: unknown, key: string = ADMIN_KEY) =>
    fetch(`${api.url}${path}`, {
      method,
      headers: {
        ...(key !== '' && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  async function call(method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> {
    const response = await fetched(method, path, body);
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }
  async function ok(method: string, path: string, body?: unknown): Promise<Json> {
    const answer = await call(method, path, body);
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    return answer.body;
  }
  const deliveries = async (report: string): Promise<Json[]> =>
    (await ok('GET', `/v1/reports/${report}/deliveries`)).deliveries;
  return {
    api,
    database,
    call,
    ok,
    deliveries,
    fetched,
    /** SIGKILL; another worker on the same ledger takes its place. */
    async replaceWorker(): Promise<void> {
      worker.kill('SIGKILL');
      worker = startTem(['worker'], environment);
      await worker.ready();
    },
    /** SIGSTOP; another worker on the same ledger takes its place. What it resolves to lets the first go on until it has ended. */
    async freezeWorker(): Promise<() => Promise<void>> {
      const frozen = worker;
      frozen.kill('SIGSTOP');
      worker = startTem(['worker'], environment);
      await worker.ready();
      return async () => {
        frozen.kill('SIGCONT');
        await frozen.stop();
      };
    },
    /** Puts a report of the ledger, with no more than a test says. */
    put: (id: string, definition: object) =>
      ok('PUT', `/v1/reports/${id}`, { title: id, source: 'ledger', format: 'csv', recipients: [], ...definition }),
    /** Runs it to its end; resolves to its event and delivery. */
    async run(id: string, body: object = {}): Promise<{ event: Json; delivery: Json }> {
      const { event } = await ok('POST', `/v1/reports/${id}/run`, body);
      const done = await waitFor(async () => {
        const { body: found } = await call('GET', `/v1/events/${event}`);
        return ['PROCESSED', 'EXTINCT', 'CANCELLED'].includes(found.state) ? found : undefined;
      });
      return { event: done, delivery: (await deliveries(id)).find((delivery) => delivery.event === event) };
    },
    async file(delivery: string): Promise<Buffer> {
      const response = await fetched('GET', `/v1/report-deliveries/${delivery}/file`);
      expect(response.status).toBe(200);
      return Buffer.from(await response.arrayBuffer());
    },
  };
}

export interface ReceivedMail {
  to: string[];
  raw: string;
}

/** A real SMTP server. `answer` may refuse a recipient by throwing an error with a responseCode. */
export async function startMailServer(answer: (address: string) => void = () => {}) {
  const mails: ReceivedMail[] = [];
  let beforeAnswer: (mail: ReceivedMail) => Promise<void> = async () => {};
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo({ address }, _session, done) {
      try {
        answer(address);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
    onData(stream, session, done) {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.once('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        const mail = { to, raw: Buffer.concat(pieces).toString() };
        mails.push(mail);
        void beforeAnswer(mail).then(
          () => done(),
          (error: Error) => done(error),
        );
      });
    },
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  atEnd(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = server.server.address() as { port: number };
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    /** Every connection breaks, as when the server's machine dies. */
    cut() {
      const { connections } = server as unknown as { connections: Set<{ _socket: { destroy(): void } }> };
      for (const { _socket } of connections) _socket.destroy();
    },
    /** What happens between a message that has come and the answer to it. */
    beforeAnswer(next: typeof beforeAnswer) {
      beforeAnswer = next;
    },
  };
}

export function refusal(code: number, words: string): Error {
  return Object.assign(new Error(words), { responseCode: code });
}
