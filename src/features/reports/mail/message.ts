// The mail of a run. It is made of what the delivery keeps and of nothing else, so that every retry sends the same message
// with the same Message-ID, date and boundaries.

import { Readable } from 'node:stream';
import type { SendMailOptions } from 'nodemailer';
import { HTML_ROWS_MAX } from '../building.ts';
import { escapeHtml, htmlPage, htmlTable } from '../files/html.ts';
import { moreInWords, rowsInWords } from '../files/texts.ts';
import type { Delivery, RecipientRow } from '../store/deliveries.ts';
import { encodeSubject } from './subject.ts';
import { BODY, dateAndTime, fill, SUBJECT } from './templates.ts';

const CONTENT_TYPES = {
  csv: 'text/csv; charset=utf-8',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  html: 'text/html; charset=utf-8',
} as const;

export function contentTypeOf(format: keyof typeof CONTENT_TYPES): string {
  return CONTENT_TYPES[format];
}

export function messageIdOf(delivery: string, from: string): string {
  const domain = /@([A-Za-z0-9.-]+)/.exec(from)?.[1] ?? 'tem.invalid';
  return `<report.${delivery}@${domain}>`;
}

export interface MessageParts {
  delivery: Delivery;
  recipients: readonly RecipientRow[];
  from: string;
  timeZone: string;
  /** Undefined: the file is not attached. */
  attachment: (() => AsyncIterable<Buffer>) | undefined;
  /** Where the file is to be had when it isn't attached, and until when. */
  link: { url: string; until: Date } | undefined;
}

export function composeMessage({
  delivery,
  recipients,
  from,
  timeZone,
  attachment,
  link,
}: MessageParts): SendMailOptions {
  const { definition, parameters, fileName, rows, more, preview, createdAt } = delivery;
  const count = Number(rows ?? 0);
  const facts = {
    title: definition.title,
    report: delivery.report,
    rows: rowsInWords(count),
    file: fileName ?? '',
    ...dateAndTime(createdAt, timeZone),
  };
  const body = fill(definition.body ?? BODY, facts, parameters);
  const shown = preview?.rows.length ?? 0;
  const said = [
    ...(more ? [moreInWords(count)] : []),
    ...(shown < count ? [`Below are the first ${rowsInWords(shown)} rows.`] : []),
    ...(link ? [`The file is too large for a mail; it is here until ${link.until.toISOString()}: ${link.url}`] : []),
    ...(!attachment && !link && definition.format !== 'html'
      ? ['The file is too large for a mail, and TEM was not told where recipients reach it (TEM_REPORT_URL).']
      : []),
  ];
  const table =
    preview && preview.columns.length > 0 ? htmlTable(preview.columns, preview.rows.slice(0, HTML_ROWS_MAX)) : '';
  const paragraphs = [body, ...said].map((text) => `<p>${escapeHtml(text).replaceAll('\n', '<br>\n')}</p>`);
  const linked = link ? `<p><a href="${escapeHtml(link.url)}">${escapeHtml(fileName ?? 'file')}</a></p>` : '';
  return {
    messageId: messageIdOf(delivery.id, from),
    date: createdAt,
    from,
    to: recipients.map(({ address, name }) => (name === null ? address : { address, name })),
    // Encoded here; the library folds where decoders lose spaces.
    headers: {
      Subject: { prepared: true, value: encodeSubject(fill(definition.subject ?? SUBJECT, facts, parameters)) },
      'Auto-Submitted': 'auto-generated',
      'X-TEM-Event': delivery.event,
    } as unknown as NonNullable<SendMailOptions['headers']>,
    text: [body, ...said].join('\n\n'),
    html: htmlPage(definition.title, [...paragraphs, linked, table].filter((part) => part !== '').join('\n')),
    ...(attachment && {
      attachments: [
        {
          filename: fileName ?? 'report',
          content: Readable.from(attachment(), { objectMode: false }),
          contentType: contentTypeOf(definition.format),
        },
      ],
    }),
    baseBoundary: delivery.id,
    disableUrlAccess: true,
    disableFileAccess: true,
  } as SendMailOptions;
}
