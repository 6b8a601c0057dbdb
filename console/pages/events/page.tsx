// The list of events: every filter of the API, columns from the payload, and what can be done with those that are selected
// or with all that match.

import { useEffect, useState } from 'preact/hooks';
import { call } from '../../http/client.ts';
import { at } from '../../http/raw-json.ts';
import { useLive } from '../../live/use-live.ts';
import { StateBadge } from '../../parts/badge.tsx';
import { type Filter, Filters } from '../../parts/form.tsx';
import { Heading } from '../../parts/heading.tsx';
import { Brief } from '../../parts/json-view.tsx';
import { type Column, LiveTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { below, href, useQuery } from '../../shell/router.ts';
import { useMayForAll, useSession } from '../../shell/session.ts';
import { useWords } from '../../words/words.ts';
import { STATES } from '../overview/stats.ts';
import { BatchActions } from './batch-actions.tsx';
import { type EventJson, type EventPage, filterOf } from './event.ts';
import { Why } from './why.tsx';
import { words } from './words.ts';

export function Page() {
  const texts = useWords(words);
  const [query] = useQuery();
  const { columns: chosen, ...asked } = query;
  const filter = filterOf(query);
  const key = JSON.stringify(asked);
  const live = useLive(key, (signal) =>
    call<EventPage>('GET', '/v1/events', { query: { ...filter, cursor: query.cursor }, signal }),
  );
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  // What is selected belongs to what is shown.
  useEffect(() => setIds(new Set()), [key]);
  const mayAct = useMayForAll('operator');
  return (
    <>
      <Heading title={texts.title} live={live} />
      <Filters filters={useFilters()} />
      {mayAct && (
        <BatchActions
          filter={filter}
          ids={ids}
          done={() => {
            setIds(new Set());
            live.refresh();
          }}
        />
      )}
      <LiveTable
        live={live}
        caption={texts.caption}
        columns={useColumns(payloadPaths(chosen))}
        rows={live.value?.events}
        id={({ id }) => id}
        label={({ type, key: name, id }) => `${type} ${name ?? id}`}
        selection={mayAct ? { ids, set: setIds } : undefined}
        filtered={Object.keys(filter).length > 0}
        next={live.value?.nextCursor}
      />
    </>
  );
}

const PATHS_MAX = 8;
const BY_CONTENT = ['q', 'payload', 'key', 'columns'];

function payloadPaths(chosen = ''): string[] {
  const paths = chosen.split(',').map((path) => path.trim());
  return [...new Set(paths.filter((path) => path !== ''))].slice(0, PATHS_MAX);
}

function useColumns(paths: readonly string[]): Column<EventJson>[] {
  const texts = useWords(words);
  return [
    { id: 'state', title: texts.state, cell: ({ state }) => <StateBadge state={state} /> },
    { id: 'type', title: texts.type, cell: ({ type }) => type },
    {
      id: 'key',
      title: texts.key,
      cell: ({ id, key }) => (
        <a class="brief" href={href(below('/events', id))}>
          {key ?? id}
        </a>
      ),
    },
    ...paths.map((path) => ({
      id: `payload.${path}`,
      title: path,
      cell: ({ payload }: EventJson) => <Brief value={at(payload, path)} />,
    })),
    { id: 'why', title: texts.why, cell: (event) => <Why event={event} /> },
    {
      id: 'attempts',
      title: texts.attempts,
      numeric: true,
      cell: ({ retryCount, maxAttempts }) => (retryCount > 0 ? `${retryCount} / ${maxAttempts}` : ''),
    },
    { id: 'createdAt', title: texts.accepted, cell: ({ createdAt }) => <Time at={createdAt} /> },
    { id: 'group', title: texts.group, cell: ({ group }) => group ?? '' },
  ];
}

function useFilters(): readonly Filter[] {
  const texts = useWords(words);
  const [query] = useQuery();
  const { payloads } = useSession();
  const filters: Filter[] = [
    { name: 'q', label: texts.search, search: true, wide: true },
    { name: 'state', label: texts.state, choices: stateChoices(query.state) },
    { name: 'type', label: texts.type, search: !payloads },
    { name: 'group', label: texts.group, more: true },
    { name: 'payload', label: texts.payload, placeholder: texts.payloadHint },
    { name: 'key', label: texts.key, more: true },
    { name: 'retrying', label: texts.retrying, choices: [{ value: 'true', label: texts.retryingOnly }], more: true },
    { name: 'from', label: texts.from, placeholder: texts.timeHint, more: true },
    { name: 'to', label: texts.to, placeholder: texts.timeHint, more: true },
    ...(query.fingerprint ? [{ name: 'fingerprint', label: texts.fingerprint }] : []),
    { name: 'columns', label: texts.columns, placeholder: texts.columnsHint, more: true },
  ];
  // Who may not see what events hold can't find them by it either.
  return payloads ? filters : filters.filter(({ name }) => !BY_CONTENT.includes(name));
}

/** Each state, some that go together, and whatever the address asks for. */
function stateChoices(given = '') {
  const values = new Set([...STATES, 'FAILED,EXTINCT', 'QUEUED,PROCESSING,FAILED', ...(given ? [given] : [])]);
  return [...values].map((value) => ({ value, label: value.replaceAll(',', ', ') }));
}
