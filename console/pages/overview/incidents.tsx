// What is wrong now and what to do about it, with a few of the events that it is about. Nothing where nothing is wrong.

import { Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { below, href } from '../../shell/router.ts';
import { useWords } from '../../words/words.ts';
import type { Incident } from './stats.ts';
import { words } from './words.ts';

const EVENT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SAMPLES_MAX = 3;

export function Incidents({ incidents }: { incidents: readonly Incident[] }) {
  const texts = useWords(words);
  if (incidents.length === 0) return <p class="muted">{texts.noIncidents}</p>;
  return (
    <Table
      caption={texts.incidents}
      rows={incidents}
      id={({ id }) => id}
      columns={[
        { id: 'what', title: texts.what, cell: ({ kind, subject }) => (subject ? `${kind}: ${subject}` : kind) },
        { id: 'since', title: texts.since, cell: ({ beganAt }) => <Time at={beganAt} /> },
        { id: 'detail', title: texts.detail, cell: ({ detail }) => <span class="why">{detail}</span> },
        { id: 'advice', title: texts.advice, cell: ({ advice }) => <span class="why">{advice}</span> },
        { id: 'samples', title: texts.samples, cell: ({ samples }) => <Samples ids={samples} /> },
      ]}
    />
  );
}

function Samples({ ids }: { ids: readonly string[] }) {
  return (
    <ul class="plain">
      {ids.slice(0, SAMPLES_MAX).map((id) => (
        <li key={id}>{EVENT_ID.test(id) ? <a href={href(below('/events', id))}>{id}</a> : id}</li>
      ))}
    </ul>
  );
}
