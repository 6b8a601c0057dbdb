// The settings of the log: on stdout, and in files beside it.

import { logLevel, onOff, type SettingsReader, whole } from './settings.ts';

export interface LogSettings {
  level: string;
  pretty: boolean;
  /** `path` is made one of each kind of process by `-api` or `-worker`; undefined: no files. */
  file: { path: string; level: string; filesMax: number } | undefined;
}

export const LOG_SETTINGS = {
  TEM_LOG_LEVEL: 'fatal, error, warn, info, debug, trace or silent (info)',
  TEM_LOG_PRETTY: 'on: log lines for people instead of JSON (off)',
  TEM_LOG_FILE: 'a file that the log is written to as well, a new one after each MB (none)',
  TEM_LOG_FILE_LEVEL: 'the level from which lines are in such files (error)',
  TEM_LOG_FILES: 'files that are kept, the present one included (10)',
} as const;

export function readLogSettings({ text, parsed }: SettingsReader): LogSettings {
  const path = text('TEM_LOG_FILE');
  const [level, filesMax] = [
    parsed('TEM_LOG_FILE_LEVEL', 'error', logLevel),
    parsed('TEM_LOG_FILES', 10, whole(2, 1_000)),
  ];
  return {
    level: parsed('TEM_LOG_LEVEL', 'info', logLevel),
    pretty: parsed('TEM_LOG_PRETTY', false, onOff),
    file: path === undefined ? undefined : { path, level, filesMax },
  };
}
