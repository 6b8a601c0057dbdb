// What the console is told about its server: whether somebody is signed in, the ledger's time, where other pages are.

import type { Pool } from 'pg';
import type { Config } from '../../config.ts';
import { rightsOf } from '../../core/access/principal.ts';
import { instant } from '../../core/ledger/present.ts';
import type { Api } from '../api.ts';
import { NoQuery } from '../schemas.ts';

export interface SettingsDependencies {
  config: Config;
  pool: Pool;
  version: string;
}

export function settingsRoute(app: Api, { config, pool, version }: SettingsDependencies): void {
  const { namespace } = config.temporal;
  const temporalUi = config.temporalUiUrl === undefined ? null : { url: config.temporalUiUrl, namespace };
  app.get(
    '/console/settings',
    { config: { access: 'public' }, schema: { hide: true, querystring: NoQuery } },
    async (request, reply) => {
      const signedIn = rightsOf(request) !== undefined;
      return reply.header('cache-control', 'no-store').send({
        version,
        signedIn,
        oidc: config.access.oidc !== undefined,
        now: signedIn ? await ledgerTime(pool) : null,
        temporalUi: signedIn ? temporalUi : null,
      });
    },
  );
}

async function ledgerTime(pool: Pool): Promise<string | null> {
  const { rows } = await pool.query<{ now: Date }>('select clock_timestamp() as now');
  return instant(rows[0]?.now ?? null);
}
