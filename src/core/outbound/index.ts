// The one HTTP client for addresses that come from data (webhooks, later shops). It refuses private addresses unless
// TEM_OUTBOUND_ALLOW names them, at every connect, so that no spelling, redirect or rebinding gets around it.

export { createOutbound, type OutboundOptions } from './client.ts';
export type { LookupAll } from './lookup.ts';
export {
  AnswerTooLate,
  type Outbound,
  type OutboundRequest,
  type OutboundResponse,
  onTheClock,
  TargetRefused,
} from './outbound.ts';
export { RETRY_AFTER_MAX_MS, retryAfterMs } from './retry-after.ts';
