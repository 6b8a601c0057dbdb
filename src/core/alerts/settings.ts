// Who is told about incidents, and from when on where a type says nothing of its own.

import { httpUrl, type SettingsReader } from '../../settings.ts';
import { milliseconds } from '../duration.ts';
import { isCount } from './policy.ts';

export interface AlertSettings {
  /** Gets a signed webhook. */
  url: string | undefined;
  mail: { to: string[]; from: string; server: string } | undefined;
  /** For types that don't say. */
  extinct: { count: number; windowMs: number } | null;
  oldestQueuedMs: number | null;
}

export const ALERT_SETTINGS = {
  TEM_ALERT_URL: 'gets a signed webhook when an incident begins and when it ends (none)',
  TEM_ALERT_MAIL: 'addresses that are mailed then, by TEM_SMTP_URL (none)',
  TEM_ALERT_EXTINCT: 'events of a type that end EXTINCT within a time and are an incident, such as 10/1h (none)',
  TEM_ALERT_OLDEST_QUEUED: 'how long a due event of a type waits until that is an incident (none)',
} as const;

export function readAlertSettings({ text, each, parsed, problems }: SettingsReader): AlertSettings {
  const to = each('TEM_ALERT_MAIL', address);
  const [server, from] = [text('TEM_SMTP_URL'), text('TEM_MAIL_FROM')];
  if (to.length > 0 && (server === undefined || from === undefined)) {
    problems.push('TEM_ALERT_MAIL: needs TEM_SMTP_URL and TEM_MAIL_FROM');
  }
  return {
    url: parsed('TEM_ALERT_URL', undefined, httpUrl),
    mail: to.length > 0 && server !== undefined && from !== undefined ? { to, from, server } : undefined,
    extinct: parsed('TEM_ALERT_EXTINCT', null, countWithin),
    oldestQueuedMs: parsed('TEM_ALERT_OLDEST_QUEUED', null, milliseconds),
  };
}

function countWithin(text: string): { count: number; windowMs: number } {
  const [count = '', window = ''] = text.split('/');
  if (!isCount(Number(count))) throw new RangeError(`must be a count and a time such as 10/1h, not '${text}'`);
  return { count: Number(count), windowMs: milliseconds(window) };
}

function address(text: string): void {
  if (!/^[^\s@<>]+@[^\s@<>]+$/.test(text)) throw new RangeError(`'${text}' is no address such as ops@example.com`);
}
