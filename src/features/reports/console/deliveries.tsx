// What became of a report's runs, with their files.

import {
  apiUrl,
  Badge,
  below,
  type Column,
  call,
  href,
  LiveTable,
  numberText,
  Time,
  type Tone,
  useLive,
  useQuery,
  useWords,
} from '../../../../console/index.ts';
import { type Delivery, reportPath } from './report.ts';
import { words } from './words.ts';

const TONES: Record<string, Tone> = { sent: 'good', kept: 'good', skipped: 'neutral', failed: 'bad' };
const NAMED_MAX = 5;

export function Deliveries({ id }: { id: string }) {
  const texts = useWords(words);
  const [{ cursor }] = useQuery();
  const live = useLive(`deliveries ${id} ${cursor}`, (signal) =>
    call<{ deliveries: Delivery[]; nextCursor: string | null }>('GET', reportPath(id, 'deliveries'), {
      query: { cursor },
      signal,
    }),
  );
  const columns: Column<Delivery>[] = [
    { id: 'created', title: texts.created, cell: ({ createdAt }) => <Time at={createdAt} /> },
    {
      id: 'state',
      title: texts.state,
      cell: ({ state, note, error }) => (
        <>
          <Badge text={state} tone={TONES[state] ?? 'busy'} />
          {note && <span class="why muted">{note}</span>}
          {error && <span class="why error-text">{error}</span>}
        </>
      ),
    },
    {
      id: 'rows',
      title: texts.rowCount,
      numeric: true,
      cell: ({ rows, more }) => (rows === null ? '–' : `${numberText(rows)}${more ? ` ${texts.more}` : ''}`),
    },
    {
      id: 'size',
      title: texts.size,
      numeric: true,
      cell: ({ bytes }) => (bytes === null ? '–' : texts.bytes(numberText(bytes))),
    },
    {
      id: 'recipients',
      title: texts.sentTo,
      cell: ({ recipients }) => (
        <span class="why">
          {recipients
            .slice(0, NAMED_MAX)
            .map(({ address, state, detail }) => `${address}: ${state}${detail ? ` (${detail})` : ''}`)
            .join('; ')}
          {recipients.length > NAMED_MAX && ` … (${numberText(recipients.length)})`}
        </span>
      ),
    },
    {
      id: 'file',
      title: texts.file,
      cell: ({ id: delivery, fileName, fileUntil, bytes }) =>
        bytes === null || fileUntil === null ? (
          <span class="muted">{texts.noFile}</span>
        ) : (
          <a
            class="button"
            href={apiUrl(`${below('/v1/report-deliveries', delivery)}/file`).href}
            download={fileName ?? ''}
          >
            {texts.download}
          </a>
        ),
    },
    {
      id: 'event',
      title: texts.event,
      cell: ({ event }) => (event ? <a href={href(below('/events', event))}>{event}</a> : '–'),
    },
  ];
  return (
    <LiveTable
      live={live}
      caption={texts.deliveries}
      columns={columns}
      rows={live.value?.deliveries}
      id={({ id: delivery }) => delivery}
      next={live.value?.nextCursor}
    />
  );
}
