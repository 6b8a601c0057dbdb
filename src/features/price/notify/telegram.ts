// Deals in Telegram chats (Bot API, sendMessage). A message has no formatting, so that every title is shown letter by letter.
// One message per deal and chat ever: a row says that it is being sent before it is, and one whose end nobody knows is
// not sent again.

import { Type } from 'typebox';
import { NoPlace, NotRetryable, RetryAfter } from '../../../core/errors.ts';
import { defineEventType, type EventType, type HandlerContext } from '../../../core/event-type.ts';
import type { FeatureDependencies } from '../../../core/feature.ts';
import type { OutboundResponse } from '../../../core/outbound/index.ts';
import type { PriceSettings } from '../settings.ts';
import { DEAL_COLUMNS, type DealRow } from '../store/deals.ts';
import { DIGEST_DEALS_MAX, textOf } from './tell.ts';

/** Of the Bot API: characters of one message. */
const TEXT_LENGTH_MAX = 4_096;
const ANSWER_BYTES_MAX = 16 * 1_024;
const RETRY_AFTER_MAX_S = 3_600;

const TelegramPayload = Type.Object(
  {
    chat: Type.String({ minLength: 1, maxLength: 100 }),
    deals: Type.Array(Type.String({ pattern: '^\\d{1,18}$' }), { minItems: 1, maxItems: DIGEST_DEALS_MAX }),
  },
  { additionalProperties: false },
);

export function telegramType({ pool, outbound, settings }: FeatureDependencies<PriceSettings>): EventType {
  // One message at a time, and none before the time that the last refusal has named: it means the bot, whatever the chat.
  let turn: Promise<unknown> = Promise.resolve();
  let busyUntilMs = 0;

  /** Resolves when no other message is on its way, to what ends the turn. */
  const takeTurn = async (signal: AbortSignal): Promise<() => void> => {
    const before = turn;
    let end = (): void => {};
    turn = new Promise((resolve) => {
      end = () => void before.then(() => resolve(undefined));
    });
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    await Promise.race([before, aborted]).catch((error: unknown) => {
      end();
      throw error;
    });
    return end;
  };

  return defineEventType({
    name: 'price.telegram',
    payload: TelegramPayload,
    retry: { maxAttempts: 8, base: '10s', cap: '1h' },
    timeout: '30s',
    async handle({ id, payload: { chat, deals } }, { tx, signal, offTheClock }) {
      const { telegram } = settings;
      if (!telegram) throw new Error('TEM_TELEGRAM_TOKEN is not set on this worker');
      const endTurn = await offTheClock(() => takeTurn(signal));
      try {
        const busyForMs = Math.ceil(busyUntilMs - performance.now());
        if (busyForMs > 0) throw new NoPlace('Telegram has asked for a pause', busyForMs);
        const sent = await send(telegram, { id, chat, deals }, { signal, offTheClock });
        if (sent > 0) await tx.query('update tem.price_message set sent_at = clock_timestamp() where event = $1', [id]);
        return { sent };
      } catch (error) {
        if (error instanceof RetryAfter) busyUntilMs = performance.now() + error.delayMs;
        throw error;
      } finally {
        endTurn();
      }
    },
  });

  /** Resolves to how many deals the message told; those of which nobody knows whether they were told are not told again. */
  async function send(
    { url, token }: NonNullable<PriceSettings['telegram']>,
    { id, chat, deals }: { id: string; chat: string; deals: readonly string[] },
    { signal, offTheClock }: Pick<HandlerContext, 'signal' | 'offTheClock'>,
  ): Promise<number> {
    const claimed = await claim(id, chat, deals);
    if (claimed.length === 0) return 0;
    const giveBack = () =>
      pool.query('delete from tem.price_message where event = $1 and sent_at is null and deal = any($2::bigint[])', [
        id,
        claimed.map((deal) => deal.id),
      ]);
    const answer = await outbound
      .request(`${url}/bot${token}/sendMessage`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          chat_id: chat,
          text: textOf(claimed).slice(0, TEXT_LENGTH_MAX),
          link_preview_options: { is_disabled: claimed.length > 1 },
        }),
        signal,
        offTheClock,
        maxBytes: ANSWER_BYTES_MAX,
      })
      .catch(async (error: unknown) => {
        // Only what never reached Telegram can be sent again.
        if (NEVER_SENT.has(String((error as { code?: unknown }).code))) await giveBack();
        // Not the error itself: its message may hold the address, which holds the token.
        throw new Error('Telegram did not answer');
      });
    if (answer.status !== 200) {
      await giveBack();
      throw refusalOf(answer);
    }
    return claimed.length;
  }

  /** The deals that nobody has sent to the chat, or is sending. */
  async function claim(event: string, chat: string, deals: readonly string[]): Promise<DealRow[]> {
    const { rows } = await pool.query<DealRow>(
      `with claimed as (
         insert into tem.price_message (deal, chat, event)
           select d.id, $2, $1 from tem.price_deal d where d.id = any($3::bigint[]) order by d.id
           on conflict do nothing returning deal
       )
       select ${DEAL_COLUMNS} from claimed c join tem.price_deal d on d.id = c.deal join tem.price_product p on p.id = d.product
       order by d.percent desc`,
      [event, chat, deals],
    );
    return rows;
  }
}

const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** What the Bot API says: {ok: false, error_code, description, parameters?: {retry_after}}. */
export function refusalOf({ status, body }: Pick<OutboundResponse, 'status' | 'body'>): Error {
  let said: { description?: unknown; parameters?: { retry_after?: unknown } } = {};
  try {
    said = JSON.parse(body) as typeof said;
  } catch {
    // No JSON: the status has to do.
  }
  const description = typeof said.description === 'string' ? `: ${said.description.slice(0, 200)}` : '';
  const words = `Telegram answered ${status}${description}`;
  const retryAfter = said.parameters?.retry_after;
  if (status === 429 && typeof retryAfter === 'number' && retryAfter > 0)
    return new RetryAfter(words, Math.min(retryAfter, RETRY_AFTER_MAX_S) * 1_000);
  return status === 400 || status === 403 || status === 404 ? new NotRetryable(words) : new Error(words);
}
