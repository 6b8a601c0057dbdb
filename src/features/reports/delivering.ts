// One attempt of a run: what an earlier one has done is kept in its delivery, and not done again. The file first, then the
// mail to those who have none.

import { uuidv7 } from 'uuidv7';
import { NotRetryable } from '../../core/errors.ts';
import { buildFile, type Place } from './building.ts';
import { signedLink } from './link.ts';
import { composeMessage } from './mail/message.ts';
import { parseRecipients } from './mail/recipients.ts';
import { sendMessage } from './mail/send.ts';
import type { ReportPayload } from './messages.ts';
import { ReportRefused, valuesOf } from './parameters.ts';
import type { ReportSettings } from './settings.ts';
import { QueryFailed } from './sources/source.ts';
import { readReport } from './store/definitions.ts';
import {
  claimDelivery,
  type Delivery,
  finish,
  holdClaim,
  noteBuilt,
  noteFailed,
  noteRecipients,
  readRecipients,
} from './store/deliveries.ts';
import { readFile, readSecret } from './store/files.ts';

/** Recipients of one message to the server: servers take at least so many (RFC 5321, 4.5.3.1.8). */
const RECIPIENTS_AT_ONCE = 100;
const KEPT = 'kept, not sent: TEM_SMTP_URL and TEM_MAIL_FROM are not set';

export type Delivering = Place & { settings: ReportSettings; apiUrl: string | undefined };

interface Run {
  delivery: Delivery;
  claim: string;
  signal: AbortSignal;
}

/** Resolves to the event's result. Throws NotRetryable for what can't get better by itself. */
export async function deliver(
  place: Delivering,
  event: { id: string; payload: ReportPayload },
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  try {
    return await attempt(place, event, signal);
  } catch (error) {
    const isFinal = error instanceof ReportRefused || (error instanceof QueryFailed && !error.mayPass);
    const words = error instanceof ReportRefused ? `${error.path} ${error.message}` : (error as Error).message;
    if (isFinal || error instanceof QueryFailed) await noteFailed(place.pool, event.id, words, false);
    throw isFinal ? new NotRetryable(words) : error;
  }
}

async function attempt(
  place: Delivering,
  { id, payload }: { id: string; payload: ReportPayload },
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const { pool, settings } = place;
  const report = await readReport(pool, payload.report);
  if (!report) throw new NotRetryable(`there is no report ${payload.report}`);
  const claim = uuidv7();
  const begun = await claimDelivery(pool, claim, {
    event: id,
    report: report.id,
    definition: report.definition,
    parameters: valuesOf(report.definition.parameters ?? {}, payload.parameters ?? {}),
    recipients: parseRecipients(payload.recipients ?? report.definition.recipients),
  });
  const delivery = begun.state === 'building' ? await build(place, { delivery: begun, claim, signal }) : begun;
  if (delivery.state === 'sending') await send(place, { delivery, claim, signal }, settings);
  const recipients = await readRecipients(pool, [delivery.id]);
  const count = (state: string) => recipients.filter((recipient) => recipient.state === state).length;
  return {
    delivery: delivery.id,
    rows: Number(delivery.rows),
    bytes: Number(delivery.bytes),
    sent: count('sent'),
    refused: count('refused'),
    kept: count('kept'),
  };
}

async function build(place: Delivering, { delivery, claim, signal }: Run): Promise<Delivery> {
  const { pool, settings } = place;
  const { definition } = delivery;
  const built = await buildFile(place, {
    delivery: delivery.id,
    definition,
    parameters: delivery.parameters,
    now: delivery.createdAt,
    signal,
  });
  const noted = await noteBuilt(pool, delivery.id, claim, { ...built, keptForMs: settings.fileRetentionMs });
  if (built.rows > 0 || definition.whenEmpty !== 'skip') return noted;
  await finish(pool, delivery.id, claim, {
    state: 'skipped',
    note: 'not sent: the report is empty, and whenEmpty is skip',
  });
  return { ...noted, state: 'skipped' };
}

async function send(place: Delivering, run: Run, settings: ReportSettings): Promise<void> {
  const { pool } = place;
  const { delivery, claim } = run;
  const recipients = await readRecipients(pool, [delivery.id]);
  const waiting = recipients.filter(({ state }) => state === 'waiting').map(({ address }) => address);
  if (!settings.mail) {
    const outcomes = waiting.map((address) => ({ address, state: 'kept' as const, code: null, detail: null }));
    await noteRecipients(pool, delivery.id, claim, outcomes);
    return finish(pool, delivery.id, claim, { state: 'kept', note: KEPT });
  }
  if (recipients.length === 0) {
    return finish(pool, delivery.id, claim, { state: 'kept', note: 'kept for download: the report has no recipients' });
  }
  for (let n = 0; n < waiting.length; n += RECIPIENTS_AT_ONCE) {
    run.signal.throwIfAborted();
    await holdClaim(pool, delivery.id, claim);
    const addresses = waiting.slice(n, n + RECIPIENTS_AT_ONCE);
    const { url, from } = settings.mail;
    const message = await messageOf(place, delivery, from);
    const outcomes = await sendMessage(url, { message, from, recipients: addresses, signal: run.signal });
    await noteRecipients(pool, delivery.id, claim, outcomes);
  }
  await conclude(place, run);
}

async function messageOf({ pool, settings, apiUrl, timeZone }: Delivering, delivery: Delivery, from: string) {
  const { definition, file, bytes, fileUntil } = delivery;
  const size = Number(bytes ?? 0);
  const isAttached = file !== null && size <= settings.mailFileBytesMax;
  const publicUrl = settings.publicUrl ?? apiUrl;
  const link =
    isAttached || publicUrl === undefined || fileUntil === null
      ? undefined
      : { url: signedLink(publicUrl, await readSecret(pool, 'link'), delivery.id, fileUntil), until: fileUntil };
  return composeMessage({
    delivery,
    recipients: await readRecipients(pool, [delivery.id]),
    from,
    timeZone: definition.timeZone ?? timeZone,
    attachment: isAttached ? () => readFile(pool, file, size) : undefined,
    link,
  });
}

/** Throws while somebody waits: the event's retry policy says when to try again. */
async function conclude({ pool }: Delivering, { delivery, claim }: Run): Promise<void> {
  const recipients = await readRecipients(pool, [delivery.id]);
  const waiting = recipients.filter(({ state }) => state === 'waiting');
  const refused = recipients.filter(({ state }) => state === 'refused');
  const [first] = waiting;
  if (first) {
    throw new Error(
      `${waiting.length} of ${recipients.length} recipients have no mail yet: ${first.code ?? ''} ${first.detail ?? ''}`,
    );
  }
  if (refused.length === recipients.length) {
    await noteFailed(pool, delivery.event, 'the mail server refused every recipient', true);
    throw new NotRetryable('the mail server refused every recipient');
  }
  await finish(pool, delivery.id, claim, {
    state: refused.length > 0 ? 'partial' : 'sent',
    note:
      refused.length > 0
        ? `${refused.length} of ${recipients.length} recipients were refused by the mail server`
        : undefined,
  });
}
