// All reports, and the form of a new or present one.

import { useState } from 'preact/hooks';
import {
  below,
  type Column,
  call,
  Heading,
  href,
  LiveTable,
  Time,
  useLive,
  useMay,
  useQuery,
  useSession,
  useWords,
} from '../../../../console/index.ts';
import { EditDialog } from './edit.tsx';
import type { Report } from './report.ts';
import { words } from './words.ts';

export function Page() {
  const texts = useWords(words);
  const { payloads } = useSession();
  const mayCreate = useMay('operator') && payloads;
  const [{ cursor }] = useQuery();
  const live = useLive(`reports ${cursor}`, (signal) =>
    call<{ reports: Report[]; nextCursor: string | null }>('GET', '/v1/reports', { query: { cursor }, signal }),
  );
  const [asked, setAsked] = useState(false);
  const columns: Column<Report>[] = [
    { id: 'id', title: texts.id, cell: ({ id }) => <a href={href(below('/reports', id))}>{id}</a> },
    { id: 'name', title: texts.name, cell: ({ title }) => <span class="why">{title}</span> },
    { id: 'source', title: texts.source, cell: ({ source }) => source },
    { id: 'format', title: texts.format, cell: ({ format }) => format },
    { id: 'recipients', title: texts.recipients, numeric: true, cell: ({ recipients }) => recipients.length },
    { id: 'updated', title: texts.updated, cell: ({ updatedAt }) => <Time at={updatedAt} /> },
  ];
  return (
    <>
      <Heading title={texts.title} live={live}>
        {mayCreate && (
          <button type="button" onClick={() => setAsked(true)}>
            {texts.create}
          </button>
        )}
      </Heading>
      <LiveTable
        live={live}
        caption={texts.caption}
        columns={columns}
        rows={live.value?.reports}
        id={({ id }) => id}
        next={live.value?.nextCursor}
      />
      {asked && <EditDialog close={() => setAsked(false)} done={live.refresh} />}
    </>
  );
}
