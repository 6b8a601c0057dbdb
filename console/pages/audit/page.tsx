// The audit: who changed what, by which filter, what was before and after, and why.

import { call } from '../../http/client.ts';
import type { Json } from '../../http/raw-json.ts';
import { useLive } from '../../live/use-live.ts';
import { Filters } from '../../parts/form.tsx';
import { Heading } from '../../parts/heading.tsx';
import { Brief, JsonView } from '../../parts/json-view.tsx';
import { type Column, LiveTable } from '../../parts/table.tsx';
import { Moment } from '../../parts/time.tsx';
import { useQuery } from '../../shell/router.ts';
import { useWords } from '../../words/words.ts';
import { words } from './words.ts';

interface Entry {
  at: string;
  actor: string;
  action: string;
  target: string;
  filter?: Json;
  before?: Json;
  after?: Json;
  reason?: string;
}

interface AuditPage {
  entries: Entry[];
  nextCursor: string | null;
}

const EVERY_MS = 10_000;
const FILTERS = ['actor', 'action', 'target', 'from', 'to'] as const;

export function Page() {
  const texts = useWords(words);
  const [{ actor, action, target, from, to, cursor }] = useQuery();
  const query = { actor, action, target, from, to, cursor };
  const live = useLive(JSON.stringify(query), (signal) => call<AuditPage>('GET', '/v1/audit', { query, signal }), {
    everyMs: EVERY_MS,
  });
  const hints: Partial<Record<(typeof FILTERS)[number], string>> = {
    action: texts.actionHint,
    from: texts.timeHint,
    to: texts.timeHint,
  };
  const columns: Column<Entry>[] = [
    { id: 'at', title: texts.at, cell: ({ at }) => <Moment at={at} /> },
    { id: 'actor', title: texts.actor, cell: ({ actor: who }) => who },
    { id: 'action', title: texts.action, cell: ({ action: what }) => what },
    { id: 'target', title: texts.target, cell: ({ target: whom }) => <Brief value={whom} /> },
    { id: 'details', title: texts.details, cell: (entry) => <Details entry={entry} /> },
    { id: 'reason', title: texts.reason, cell: ({ reason }) => <span class="why">{reason}</span> },
  ];
  return (
    <>
      <Heading title={texts.title} live={live} />
      <Filters
        filters={FILTERS.map((name) => ({
          name,
          label: texts[name],
          search: name === 'actor',
          ...(hints[name] && { placeholder: hints[name] }),
        }))}
      />
      <LiveTable
        live={live}
        caption={texts.caption}
        columns={columns}
        rows={live.value?.entries}
        id={({ at, action: what, target: whom, actor: who }) => `${at} ${what} ${whom} ${who}`}
        filtered={FILTERS.some((name) => query[name] !== undefined)}
        next={live.value?.nextCursor}
      />
    </>
  );
}

function Details({ entry: { filter, before, after } }: { entry: Entry }) {
  const texts = useWords(words);
  const parts = (
    [
      ['filter', filter],
      ['before', before],
      ['after', after],
    ] as const
  ).filter(([, value]) => value !== undefined);
  if (parts.length === 0) return null;
  return (
    <details>
      <summary>
        <Brief value={after ?? before ?? filter} />
      </summary>
      {parts.map(([name, value]) => (
        <div key={name}>
          <span class="muted">{texts[name]}</span>
          <JsonView value={value} label={texts[name]} />
        </div>
      ))}
    </details>
  );
}
