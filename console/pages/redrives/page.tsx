// Redrives and batch cancels: who began which, and how far they are.

import { call } from '../../http/client.ts';
import { useLive } from '../../live/use-live.ts';
import { Badge } from '../../parts/badge.tsx';
import { Heading } from '../../parts/heading.tsx';
import { type Column, LiveTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { below, href, useQuery } from '../../shell/router.ts';
import { numberText, useWords } from '../../words/words.ts';
import { filterText } from '../events/event.ts';
import { REDRIVE_TONES, type Redrive } from './redrive.ts';
import { words } from './words.ts';

interface RedrivePage {
  redrives: Redrive[];
  nextCursor: string | null;
}

export function Page() {
  const texts = useWords(words);
  const [{ cursor }] = useQuery();
  const live = useLive(cursor ?? '', (signal) =>
    call<RedrivePage>('GET', '/v1/redrives', { query: { cursor }, signal }),
  );
  const columns: Column<Redrive>[] = [
    { id: 'state', title: texts.state, cell: ({ state }) => <Badge text={state} tone={REDRIVE_TONES[state]} /> },
    {
      id: 'action',
      title: texts.action,
      cell: ({ id, action }) => (
        <a href={href(below('/redrives', id))}>{action === 'retry' ? texts.retry : texts.cancelAction}</a>
      ),
    },
    { id: 'filter', title: texts.filter, cell: ({ filter }) => <span class="breaks">{filterText(filter)}</span> },
    {
      id: 'progress',
      title: texts.progress,
      numeric: true,
      cell: ({ done, matches }) => texts.of(numberText(done), numberText(matches)),
    },
    { id: 'failed', title: texts.failed, numeric: true, cell: ({ failed }) => numberText(failed) },
    { id: 'rate', title: texts.rate, numeric: true, cell: ({ ratePerSecond }) => numberText(ratePerSecond) },
    { id: 'by', title: texts.by, cell: ({ createdBy }) => createdBy },
    { id: 'created', title: texts.created, cell: ({ createdAt }) => <Time at={createdAt} /> },
  ];
  return (
    <>
      <Heading title={texts.title} live={live} />
      <LiveTable
        live={live}
        caption={texts.caption}
        columns={columns}
        rows={live.value?.redrives}
        id={({ id }) => id}
        next={live.value?.nextCursor}
      />
    </>
  );
}
