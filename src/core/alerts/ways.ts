// The ways on which a person is told of an incident: a signed webhook or a mail. Neither uses the pipeline, which may be
// what is broken.

import nodemailer from 'nodemailer';
import type { Config } from '../../config.ts';
import { createOutbound, onTheClock } from '../outbound/index.ts';
import { sign } from '../outbound/standard-webhooks.ts';
import type { Incident } from './incidents.ts';

export type WayName = 'webhook' | 'mail';

export interface Message {
  what: 'began' | 'ended';
  incident: Incident;
}

export interface Way {
  name: WayName;
  /** Rejects, with words that hold no secret, when it could not be told. A repeat has the same id. */
  tell(message: Message, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const ANSWER_BYTES_MAX = 4_096;
const MAIL_CONNECT_WITHIN_MS = 10_000;
const MAIL_SILENT_FOR_MS = 15_000;
// The operator gave the address: it may be a private one, as of a pager on the same network.
const EVERYWHERE = ['0.0.0.0/0', '::/0'];

/** Those that are set. */
export function createWays(config: Pick<Config, 'alerts' | 'secrets'>): Way[] {
  const { url, mail } = config.alerts;
  return [
    ...(url === undefined ? [] : [webhookWay(url, config.secrets.TEM_WEBHOOK_SECRET ?? [])]),
    ...(mail === undefined ? [] : [mailWay(mail)]),
  ];
}

function webhookWay(url: string, secrets: readonly string[]): Way {
  const outbound = createOutbound({ allow: EVERYWHERE });
  return {
    name: 'webhook',
    async tell(message, signal) {
      if (secrets.length === 0) throw new Error('TEM_WEBHOOK_SECRET is not set on this process');
      const id = idOf(message);
      const timestampSeconds = Math.floor(Date.now() / 1_000);
      const body = JSON.stringify({
        type: `incident.${message.what}`,
        timestamp: timeOf(message).toISOString(),
        data: dataOf(message),
      });
      const { status } = await outbound.request(url, {
        method: 'POST',
        headers: {
          'user-agent': 'TEM-Alerts/1',
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(timestampSeconds),
          'webhook-signature': sign(secrets, id, timestampSeconds, body),
        },
        body,
        signal,
        offTheClock: onTheClock,
        maxBytes: ANSWER_BYTES_MAX,
      });
      if (status < 200 || status > 299) throw new Error(`HTTP ${status}`);
    },
    close: () => outbound.close(),
  };
}

function mailWay({ to, from, server }: NonNullable<Config['alerts']['mail']>): Way {
  return {
    name: 'mail',
    async tell(message, signal) {
      const transport = nodemailer.createTransport({
        url: server,
        connectionTimeout: MAIL_CONNECT_WITHIN_MS,
        greetingTimeout: MAIL_CONNECT_WITHIN_MS,
        socketTimeout: MAIL_SILENT_FOR_MS,
        disableFileAccess: true,
        disableUrlAccess: true,
      } as Parameters<typeof nodemailer.createTransport>[0]);
      const close = (): void => transport.close();
      signal.addEventListener('abort', close, { once: true });
      try {
        await transport.sendMail({
          from,
          to,
          subject: subjectOf(message),
          text: textOf(message),
          messageId: `<${idOf(message)}@${from.split('@').at(-1)?.replace(/>\s*$/, '')}>`,
          headers: { 'auto-submitted': 'auto-generated' },
        });
      } finally {
        signal.removeEventListener('abort', close);
        transport.close();
      }
    },
    close: async () => {},
  };
}

function idOf({ what, incident }: Message): string {
  return `${incident.id}.${what}`;
}

function timeOf({ what, incident }: Message): Date {
  return what === 'began' ? incident.beganAt : (incident.endedAt ?? incident.seenAt);
}

function dataOf({ incident: { id, kind, subject, detail, advice, count, samples, beganAt, endedAt } }: Message) {
  return { id, kind, subject, detail, advice, count, samples, beganAt, endedAt };
}

function subjectOf({ what, incident: { kind, subject } }: Message): string {
  return `[TEM] ${what === 'began' ? 'Incident' : 'Over'}: ${kind}${subject === '' ? '' : ` ${subject}`}`;
}

function textOf({ what, incident }: Message): string {
  const { detail, advice, count, samples, beganAt, endedAt, id } = incident;
  const lines = [
    what === 'began' ? `${detail}.` : `It is over. It was: ${detail}.`,
    '',
    ...(what === 'began' ? [`What to do: ${advice}.`, ''] : []),
    `Count:   ${count}`,
    ...(samples.length > 0 ? [`Samples: ${samples.join(', ')}`] : []),
    `Began:   ${beganAt.toISOString()}`,
    ...(endedAt ? [`Ended:   ${endedAt.toISOString()}`] : []),
    `Id:      ${id} (GET /v1/alerts)`,
  ];
  return `${lines.join('\n')}\n`;
}
