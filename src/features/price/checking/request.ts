// One GET of a product's address: through the shop's gate, along at most five redirects, each of which is a request of its
// own and counts, within the shop's time and TEM's bounds. What it says of the shop is told to its breaker.

import { AnswerTooLate, type Outbound, type OutboundResponse, TargetRefused } from '../../../core/outbound/index.ts';
import { ShopClosed } from './breakers.ts';
import { ANSWER_BYTES_MAX } from './decode.ts';
import type { Rank, ShopGates } from './shop-gates.ts';

const REDIRECTS_MAX = 5;

/** No answer that means anything: the words are for a person. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

export interface Asking {
  shop: string;
  timeoutMs: number;
  rank: Rank;
  headers: Record<string, string>;
  signal: AbortSignal;
  /** Asked before each address; throws what keeps it from being called, or rejects with it if that takes time to know. */
  permit(url: string): Promise<void> | undefined;
  maxBytes?: number;
  /** How the way through the shop's gate is waited for; `enter` takes another signal than that of the whole check. */
  wait?: Wait;
}

export type Wait = <Result>(enter: (signal?: AbortSignal) => Promise<Result>) => Promise<Result>;

const straight: Wait = (enter) => enter();

export interface Answer extends Omit<OutboundResponse, 'body'> {
  url: string;
}

export interface RequestDependencies {
  outbound: Outbound;
  gates: ShopGates;
}

/** The last answer, whatever its status. Throws ShopClosed, Unreachable, TargetRefused or the signal's reason. */
export async function get(dependencies: RequestDependencies, first: string, asking: Asking): Promise<Answer> {
  const seen = new Set<string>();
  let url = first;
  for (;;) {
    const permitted = asking.permit(url);
    if (permitted) await permitted;
    const answer = await once(dependencies, url, asking);
    const { location } = answer.headers;
    if (answer.status < 300 || answer.status >= 400 || answer.status === 304)
      return { status: answer.status, headers: answer.headers, bytes: answer.bytes, complete: answer.complete, url };
    if (location === undefined) throw new Unreachable(`HTTP ${answer.status} without a Location`);
    seen.add(url);
    if (!URL.canParse(location, url)) throw new Unreachable('the shop redirects to what is no address');
    url = new URL(location, url).href.replace(/#.*$/, '');
    if (seen.has(url)) throw new Unreachable('the shop redirects in a ring');
    if (seen.size > REDIRECTS_MAX) throw new Unreachable(`the shop redirects more than ${REDIRECTS_MAX} times`);
  }
}

async function once({ outbound, gates }: RequestDependencies, url: string, asking: Asking): Promise<OutboundResponse> {
  const { shop, timeoutMs, signal } = asking;
  const leave =
    gates.tryEnter(shop, signal) ??
    (await (asking.wait ?? straight)((until) => gates.enter(shop, asking.rank, until ?? signal)));
  try {
    const answer = await outbound.request(url, {
      method: 'GET',
      headers: asking.headers,
      signal,
      // The shop's time runs from the request on; the wait for it was the gate's.
      offTheClock: straight,
      withinMs: timeoutMs,
      maxBytes: asking.maxBytes ?? ANSWER_BYTES_MAX,
    });
    if (!answer.complete) signal.throwIfAborted();
    const outcome = judge(answer);
    const closed = gates.breakers.isWell(shop, outcome) ? undefined : await gates.breakers.report(shop, outcome);
    // The shop has no time, which says nothing of the product.
    if (outcome.kind === 'limited' && closed) throw closed;
    return answer;
  } catch (error) {
    if (signal.aborted || error instanceof TargetRefused || error instanceof ShopClosed) throw error;
    const words = error instanceof AnswerTooLate ? error.message : inWords(error);
    const failure = new Unreachable(words, { cause: error });
    await gates.breakers.report(shop, { kind: 'failing', why: failure.message });
    throw failure;
  } finally {
    leave();
  }
}

function judge({ status, headers }: OutboundResponse): Parameters<ShopGates['breakers']['report']>[1] {
  const retryAfter = headers['retry-after'];
  if (status === 429 || (status === 503 && retryAfter !== undefined)) return { kind: 'limited', status, retryAfter };
  if (status === 403 || status >= 500) return { kind: 'failing', why: `HTTP ${status}` };
  return { kind: 'well' };
}

/** Not the error's message: it may hold addresses that DNS gave. */
function inWords(error: unknown): string {
  const { code } = error as { code?: unknown };
  return `no answer: ${typeof code === 'string' ? code : 'the connection failed'}`;
}
