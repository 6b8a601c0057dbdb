// How TEM connects to Temporal: the options from the configuration, the same for clients and workers.

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
