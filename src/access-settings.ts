// The settings of who may do what: the console's sessions and the audit.

import { milliseconds } from './core/duration.ts';
import { OIDC_SETTINGS, type OidcSettings, readOidcSettings } from './oidc-settings.ts';
import { atLeastMs, betweenMs, httpUrl, type SettingsReader, whole } from './settings.ts';

export interface AccessSettings {
  /** Where people reach the API and its console, such as https://tem.example.com; undefined: where it listens. */
  publicUrl: string | undefined;
  /** Undefined: people sign in with API keys only. */
  oidc: OidcSettings | undefined;
  /** A session of the console that nobody uses for so long has ended. */
  sessionIdleMs: number;
  /** The longest that a session lasts. */
  sessionMs: number;
  auditRetentionMs: number;
  /** Of one caller, in one API process. */
  costlyReadsPerMinute: number;
}

export const ACCESS_SETTINGS = {
  TEM_PUBLIC_URL: 'where people reach the API and its console (where it listens)',
  ...OIDC_SETTINGS,
  TEM_SESSION_IDLE: 'how long a session of the console lasts that nobody uses, 30m to 8h (2h)',
  TEM_SESSION_MAX: 'how long a session of the console lasts at most, 12h to 7d (24h)',
  TEM_COSTLY_READS: 'searches and other reads that cost, of one caller a minute (300)',
  TEM_AUDIT_RETENTION: 'how long the audit is kept, 30d at least (400d)',
} as const;

const AUDIT_RETENTION_MIN = '30d';

export function readAccessSettings(reader: SettingsReader): AccessSettings {
  const { parsed } = reader;
  const publicUrl = parsed('TEM_PUBLIC_URL', undefined, httpUrl);
  return {
    publicUrl,
    oidc: readOidcSettings(reader, publicUrl),
    sessionIdleMs: parsed('TEM_SESSION_IDLE', milliseconds('2h'), betweenMs('30m', '8h')),
    sessionMs: parsed('TEM_SESSION_MAX', milliseconds('24h'), betweenMs('12h', '7d')),
    costlyReadsPerMinute: parsed('TEM_COSTLY_READS', 300, whole(1, 100_000)),
    auditRetentionMs: parsed(
      'TEM_AUDIT_RETENTION',
      milliseconds('400d'),
      atLeastMs(milliseconds(AUDIT_RETENTION_MIN), AUDIT_RETENTION_MIN),
    ),
  };
}
