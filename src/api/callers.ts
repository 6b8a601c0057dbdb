// Who may call this API, as one value: its keys, tokens and sessions.

import type { Pool } from 'pg';
import type { Config } from '../config.ts';
import { createKeyRing, type KeyRing } from '../core/access/key-ring.ts';
import { createSessions, type Sessions } from '../core/access/sessions.ts';
import type { Auth } from '../core/feature.ts';
import { createAuth, settingsKeyOf } from './auth.ts';
import { createLockout, createReadLimit, type Lockout, type TakeRead } from './limits.ts';

export interface Callers {
  keys: KeyRing;
  auth: Auth;
  sessions: Sessions;
  lockout: Lockout;
  takeRead: TakeRead;
  /** People reach the console over TLS. */
  secure: boolean;
}

/** `pool`: not the one that slow reads share, because every call waits for this. */
export function createCallers(config: Config, pool: Pool): Callers {
  const keys = createKeyRing(pool);
  const { sessionIdleMs, sessionMs, publicUrl, oidc } = config.access;
  return {
    keys,
    auth: createAuth(config, keys),
    sessions: createSessions({
      pool,
      keys,
      settingsKey: settingsKeyOf(config),
      people: oidc !== undefined,
      idleMs: sessionIdleMs,
      endsAfterMs: sessionMs,
    }),
    lockout: createLockout(),
    takeRead: createReadLimit(config.access.costlyReadsPerMinute),
    secure: publicUrl?.startsWith('https:') ?? false,
  };
}
