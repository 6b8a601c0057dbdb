// Where reports read from, which server mails them, and how long and how large files are.

import { milliseconds } from '../../core/duration.ts';
import type { FeatureSettings } from '../../core/feature.ts';
import { atLeastMs, httpUrl, whole } from '../../settings.ts';

export interface ReportSettings {
  /** URLs of databases by their lower-case name. */
  sources: Record<string, string>;
  /** Undefined: mail is kept with its delivery and not sent. */
  mail: { url: string; from: string } | undefined;
  /** Files over this many bytes are not attached: the mail has a link. */
  mailFileBytesMax: number;
  /** Where recipients reach the API, for such links; undefined: where TEM_API_URL says. */
  publicUrl: string | undefined;
  fileRetentionMs: number;
}

const MAIL_FILE_BYTES = 10 * 1024 * 1024;
const FILE_RETENTION_MIN_MS = milliseconds('1h');

export const settings: FeatureSettings<ReportSettings> = {
  help: {
    'TEM_SOURCE_<NAME>': 'a database that reports read: postgres:// or hana://',
    TEM_SOURCE_LEDGER: 'the ledger by a role of your own, where TEM may not make one for reports',
    TEM_SMTP_URL: 'the server that mails reports: smtp://user:password@host:587 (none: mail is kept)',
    TEM_MAIL_FROM: 'the sender of reports',
    TEM_MAIL_FILE_MAX: 'bytes of a file that a mail carries; a larger one is a link (10485760)',
    TEM_REPORT_URL: 'where recipients reach the API, for links to large files (TEM_API_URL)',
    TEM_REPORT_FILE_RETENTION: 'how long files of reports are kept (7d)',
  },
  read: ({ text, parsed, family, problems }) => {
    const url = parsed('TEM_SMTP_URL', undefined, smtpUrl);
    const from = parsed('TEM_MAIL_FROM', undefined, oneLine);
    if ((text('TEM_SMTP_URL') === undefined) !== (text('TEM_MAIL_FROM') === undefined)) {
      problems.push('TEM_SMTP_URL: goes together with TEM_MAIL_FROM: set both, or neither');
    }
    return {
      sources: Object.fromEntries(
        Object.entries(family('TEM_SOURCE_<NAME>')).map(([name, setting]) => [name, parsed(setting, '', sourceUrl)]),
      ),
      mail: url === undefined || from === undefined ? undefined : { url, from },
      mailFileBytesMax: parsed('TEM_MAIL_FILE_MAX', MAIL_FILE_BYTES, whole(0, 100 * 1024 * 1024)),
      publicUrl: parsed('TEM_REPORT_URL', undefined, httpUrl),
      fileRetentionMs: parsed('TEM_REPORT_FILE_RETENTION', milliseconds('7d'), atLeastMs(FILE_RETENTION_MIN_MS, '1h')),
    };
  },
};

function sourceUrl(text: string): string {
  if (!/^(postgres(ql)?|hana):\/\//.test(text) || !URL.canParse(text)) {
    throw new RangeError('must be a URL such as postgres://user:password@host:5432/database or hana://...');
  }
  return text;
}

function smtpUrl(text: string): string | undefined {
  if (!/^smtps?:\/\/[^/]/.test(text) || !URL.canParse(text)) {
    throw new RangeError('must be a URL such as smtp://user:password@host:587');
  }
  return text;
}

function oneLine(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be in a header
  if (/[\x00-\x1f\x7f]/.test(text) || !/@/.test(text))
    throw new RangeError('must be an address, such as Reports <reports@example.com>');
  return text;
}
