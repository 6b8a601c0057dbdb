// Events with payloads of 200 bytes as JSON.

const PAYLOAD_BYTES = 200;

export interface NewEvent {
  type: string;
  payload: Record<string, unknown>;
}

export function noopEvent(): NewEvent {
  return { type: 'bench.noop', payload: padded((text) => ({ text })) };
}

export function notificationEvent(user: string, data?: unknown): NewEvent {
  const rest = data === undefined ? {} : { data };
  return { type: 'notification', payload: padded((body) => ({ user, title: 'A notification', body, ...rest })) };
}

export function webhookEvent(url: string, number: number): NewEvent {
  return { type: 'webhook', payload: padded((text) => ({ url, body: { number, text } })) };
}

/** As many events as wanted, made one after the other. */
export function events(count: number, make: (index: number) => NewEvent): NewEvent[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function padded(make: (padding: string) => Record<string, unknown>): Record<string, unknown> {
  const missing = PAYLOAD_BYTES - Buffer.byteLength(JSON.stringify(make('')));
  return make('x'.repeat(Math.max(1, missing)));
}
