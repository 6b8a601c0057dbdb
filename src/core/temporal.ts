// How TEM connects to Temporal: the options from the configuration, the same for clients and workers, and straight to the
// address that they name.

import { Connection, type ConnectionOptions } from '@temporalio/client';
import type { Config } from '../config.ts';

/** The custom search attributes of TEM's workflows; a namespace must have them registered. */
export const SEARCH_ATTRIBUTES = { TemEventType: 'Keyword', TemState: 'Keyword' } as const;

export interface TemporalConnectionOptions {
  address: string;
  tls?: Exclude<Config['temporal']['tls'], undefined>;
  apiKey?: string;
  metadata?: Record<string, string>;
}

/** Options for `Connection.connect` and `NativeConnection.connect` alike. Throws when no address is configured. */
export function temporalConnectionOptions(config: Config): TemporalConnectionOptions {
  const { address, tls, apiKey, metadata } = config.temporal;
  if (address === undefined)
    throw new Error('no Temporal address: set TEMPORAL_ADDRESS, or start the embedded one with tem up');
  return {
    address,
    ...(tls !== undefined && { tls }),
    ...(apiKey !== undefined && { apiKey }),
    ...(metadata !== undefined && { metadata }),
  };
}

/**
 * What a client's connection needs besides: gRPC for Node would ask the proxy of `http_proxy` for every address that
 * `no_proxy` doesn't name, also for the embedded server's, while a worker's native connection never does.
 */
export function clientConnectionOptions(options: TemporalConnectionOptions): ConnectionOptions {
  return { ...options, channelArgs: { 'grpc.enable_http_proxy': 0 } };
}

/** Connects a client. Rejects when there is no answer in `connectTimeoutMs`. */
export function connectClient(options: TemporalConnectionOptions, connectTimeoutMs: number): Promise<Connection> {
  return Connection.connect({ ...clientConnectionOptions(options), connectTimeout: connectTimeoutMs });
}
