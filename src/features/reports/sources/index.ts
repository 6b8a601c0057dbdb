// Sources by the name that a report gives: `ledger`, or the <NAME> of a TEM_SOURCE_<NAME>.

import type { Pool } from 'pg';
import { ReportRefused } from '../parameters.ts';
import type { ReportSettings } from '../settings.ts';
import { postgresSource } from './postgres.ts';
import { openReader } from './reader.ts';
import type { Source } from './source.ts';

export const LEDGER = 'ledger';

export interface Sources {
  /** How the source writes parameters. Throws ReportRefused for a name that this process doesn't know. */
  marksOf(name: string): 'numbered' | 'question';
  get(name: string): Promise<Source>;
}

export function createSources({
  pool,
  databaseUrl,
  settings,
}: {
  pool: Pool;
  databaseUrl: string;
  settings: Pick<ReportSettings, 'sources'>;
}): Sources {
  const urlOf = (name: string): string | undefined => {
    const key = name.toLowerCase();
    const url = Object.hasOwn(settings.sources, key) ? settings.sources[key] : undefined;
    if (url === undefined && key !== LEDGER) {
      const known = [LEDGER, ...Object.keys(settings.sources)];
      throw new ReportRefused(
        '/source',
        `is no source: set TEM_SOURCE_${name.toUpperCase()}, or take one of ${known.join(', ')}`,
      );
    }
    return url;
  };
  const isHana = (url: string | undefined) => url?.startsWith('hana:') === true;
  return {
    marksOf: (name) => (isHana(urlOf(name)) ? 'question' : 'numbered'),
    async get(name) {
      const url = urlOf(name);
      if (url === undefined) return ledgerSource(pool, databaseUrl);
      if (isHana(url)) return (await import('./hana.ts')).hanaSource(url);
      return postgresSource(async () => ({ url, applicationName: 'tem report' }));
    },
  };
}

function ledgerSource(pool: Pool, databaseUrl: string): Source {
  return postgresSource((again) => openReader(pool, databaseUrl, { remade: again }));
}
