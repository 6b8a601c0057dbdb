// What an outbound call is and how it fails: the interface that features are written against.

/** The address may not be called; not retryable. The message names the rule and never the resolver's inside. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused';
}

export interface OutboundRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  headers?: Record<string, string>;
  body?: string;
  signal: AbortSignal;
  /** Bytes of the answer's body that are read at most; the rest is dropped. */
  maxBytes: number;
}

export interface OutboundResponse {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export interface Outbound {
  /** Why a URL can't be called at all, judged without DNS (scheme, literal address), or undefined. */
  refuse(url: string): string | undefined;
  /** Redirects are not followed: the caller gets the 3xx. Throws TargetRefused, or the network's error. */
  request(url: string, request: OutboundRequest): Promise<OutboundResponse>;
  close(): Promise<void>;
}
