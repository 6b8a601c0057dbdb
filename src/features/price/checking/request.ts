// One GET of a product's address: through the shop's gate, along at most five redirects, each of which is a request of its
// own and counts, within the shop's time and TEM's bounds. What it says of the shop is told to its breaker.

import { type Outbound, type OutboundResponse, TargetRefused } from '../../../core/outbound/index.ts';
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
  /** Asked before each address; throws what keeps it from being called. */
  permit(url: string): Promise<void>;
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
    await asking.permit(url);
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
  const leave = await (asking.wait ?? straight)((until) => gates.enter(shop, asking.rank, until ?? signal));
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new Unreachable(`no whole answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  const onAbort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const answer = await outbound.request(url, {
      method: 'GET',
      headers: asking.headers,
      signal: controller.signal,
      // The shop's time runs from the request on; the wait for it was the gate's.
      offTheClock: (wait) => wait(),
      maxBytes: asking.maxBytes ?? ANSWER_BYTES_MAX,
    });
    if (!answer.complete && controller.signal.aborted) throw controller.signal.reason;
    const outcome = judge(answer);
    const closed = await gates.breakers.report(shop, outcome);
    // The shop has no time, which says nothing of the product.
    if (outcome.kind === 'limited' && closed) throw closed;
    return answer;
  } catch (error) {
    if (signal.aborted || error instanceof TargetRefused || error instanceof ShopClosed) throw error;
    const failure = error instanceof Unreachable ? error : new Unreachable(inWords(error), { cause: error });
    await gates.breakers.report(shop, { kind: 'failing', why: failure.message });
    throw failure;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
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
