// The queue table with its own columns, page by page as its route has them.

import {
  Badge,
  Brief,
  type Column,
  call,
  Filters,
  type Json,
  LiveTable,
  Moment,
  numberText,
  type Tone,
  useLive,
  useQuery,
  useWords,
} from '../../../../console/index.ts';
import { words } from './words.ts';

interface Job {
  id: string;
  table_name: string;
  operation: string;
  record_id: string;
  change_data: Json;
  status: string;
  retry_count: number;
  error_message: string | null;
  created_at: string | null;
  processed_at: string | null;
}
interface Jobs {
  jobs: Job[];
  total: number;
  page: number;
  limit: number;
}

const STATUSES = ['pending', 'processing', 'completed', 'failed'] as const;
const TONES: Record<string, Tone> = { processing: 'busy', completed: 'good', failed: 'bad' };

// The columns are named as in the table, which people know from their own queries.
const COLUMNS: Column<Job>[] = [
  { id: 'id', title: 'id', cell: ({ id }) => <Brief value={id} /> },
  { id: 'table_name', title: 'table_name', cell: ({ table_name }) => table_name },
  { id: 'operation', title: 'operation', cell: ({ operation }) => operation },
  { id: 'record_id', title: 'record_id', cell: ({ record_id }) => <Brief value={record_id} /> },
  { id: 'status', title: 'status', cell: ({ status }) => <Badge text={status} tone={TONES[status] ?? 'neutral'} /> },
  { id: 'retry_count', title: 'retry_count', numeric: true, cell: ({ retry_count }) => numberText(retry_count) },
  {
    id: 'error_message',
    title: 'error_message',
    cell: ({ error_message }) => (error_message ? <span class="why">{error_message}</span> : '–'),
  },
  { id: 'created_at', title: 'created_at', cell: ({ created_at }) => <Moment at={created_at} /> },
  { id: 'processed_at', title: 'processed_at', cell: ({ processed_at }) => <Moment at={processed_at} /> },
  { id: 'change_data', title: 'change_data', cell: ({ change_data }) => <Brief value={change_data ?? undefined} /> },
];

export function Jobs() {
  const texts = useWords(words);
  // The page's number is what stands for a cursor: a change of the filters goes back to the first page.
  const [{ status, table, cursor }] = useQuery();
  const query = { status, table, page: cursor };
  const live = useLive(JSON.stringify(query), (signal) =>
    call<Jobs>('GET', '/v1/search-sync/queue/jobs', { query, signal }),
  );
  const shown = live.value;
  const isLast = shown === undefined || shown.page * shown.limit >= shown.total;
  return (
    <>
      <Filters
        filters={[
          {
            name: 'status',
            label: texts.status,
            choices: STATUSES.map((each) => ({ value: each, label: texts[each] })),
          },
          { name: 'table', label: texts.table, search: true },
        ]}
      />
      <LiveTable
        live={live}
        caption={texts.jobs(numberText(shown?.total ?? 0))}
        columns={COLUMNS}
        rows={shown?.jobs}
        id={({ id }) => id}
        filtered={status !== undefined || table !== undefined}
        next={isLast ? null : String(shown.page + 1)}
      />
    </>
  );
}
