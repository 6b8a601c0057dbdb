// Failures by what their errors have in common: how many, since when, a note for the group, and its redrive.

import { useState } from 'preact/hooks';
import { call } from '../../http/client.ts';
import { useLive } from '../../live/use-live.ts';
import { Confirm } from '../../parts/dialog.tsx';
import { CodeField, Filters } from '../../parts/form.tsx';
import { Heading } from '../../parts/heading.tsx';
import { type Column, LiveTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { below, href, useQuery } from '../../shell/router.ts';
import { useMayForAll } from '../../shell/session.ts';
import { toast } from '../../shell/toasts.tsx';
import { general } from '../../words/general.ts';
import { numberText, useWords } from '../../words/words.ts';
import { FreezeDialog } from '../events/freeze-dialog.tsx';
import { words } from './words.ts';

interface Failure {
  fingerprint: string;
  type: string;
  error: string;
  pattern: string;
  count: number;
  countIsExact: boolean;
  firstAt: string;
  lastAt: string;
  note: string | null;
}

interface Failures {
  failures: Failure[];
  complete: boolean;
}

type Asked = { failure: Failure; action: 'note' | 'redrive' };
const EVERY_MS = 10_000;
const ERROR_SHOWN_MAX = 300;
const STATES = 'FAILED,EXTINCT';

export function Page() {
  const texts = useWords(words);
  const [{ type, from, to }] = useQuery();
  const live = useLive(
    JSON.stringify([type, from, to]),
    (signal) => call<Failures>('GET', '/v1/failures', { query: { type, from, to }, signal }),
    { everyMs: EVERY_MS },
  );
  const [asked, setAsked] = useState<Asked>();
  const close = (): void => setAsked(undefined);
  return (
    <>
      <Heading title={texts.title} live={live} />
      <Filters
        filters={[
          { name: 'type', label: texts.type, search: true },
          { name: 'from', label: texts.from, placeholder: texts.timeHint },
          { name: 'to', label: texts.to, placeholder: texts.timeHint },
        ]}
      />
      {live.value?.complete === false && <p>{texts.incomplete}</p>}
      <LiveTable
        live={live}
        caption={texts.caption}
        columns={useColumns(setAsked)}
        rows={live.value?.failures}
        id={({ fingerprint, type: of }) => `${fingerprint} ${of}`}
        filtered={type !== undefined || from !== undefined || to !== undefined}
        next={null}
      />
      {asked?.action === 'note' && <Note failure={asked.failure} close={close} done={live.refresh} />}
      {asked?.action === 'redrive' && (
        <FreezeDialog
          set={{
            verb: 'redrive',
            filter: { fingerprint: asked.failure.fingerprint, type: asked.failure.type, state: STATES },
          }}
          close={close}
          done={live.refresh}
        />
      )}
    </>
  );
}

function useColumns(ask: (asked: Asked) => void): Column<Failure>[] {
  const texts = useWords(words);
  const { masked } = useWords(general);
  const mayAct = useMayForAll('operator');
  return [
    {
      id: 'error',
      title: texts.error,
      cell: ({ error, fingerprint, type }) => (
        <a class="why" href={href('/events', { fingerprint, type, state: STATES })}>
          {shortened(error) || `${masked} (${fingerprint})`}
        </a>
      ),
    },
    { id: 'type', title: texts.type, cell: ({ type }) => type },
    {
      id: 'count',
      title: texts.count,
      numeric: true,
      cell: ({ count, countIsExact }) => (countIsExact ? numberText(count) : texts.atLeast(numberText(count))),
    },
    { id: 'first', title: texts.first, cell: ({ firstAt }) => <Time at={firstAt} /> },
    { id: 'last', title: texts.last, cell: ({ lastAt }) => <Time at={lastAt} /> },
    {
      id: 'note',
      title: texts.note,
      cell: (failure) => (
        <>
          {failure.note && <span class="why">{failure.note}</span>}
          {mayAct && (
            <div class="bar">
              <button type="button" onClick={() => ask({ failure, action: 'note' })}>
                {texts.editNote}
              </button>
              <button type="button" onClick={() => ask({ failure, action: 'redrive' })}>
                {texts.redrive}
              </button>
            </div>
          )}
        </>
      ),
    },
  ];
}

function shortened(error: string): string {
  return error.length > ERROR_SHOWN_MAX ? `${error.slice(0, ERROR_SHOWN_MAX)}…` : error;
}

function Note({ failure, close, done }: { failure: Failure; close(): void; done(): void }) {
  const texts = useWords(words);
  return (
    <Confirm
      title={texts.noteTitle}
      verb={texts.save}
      close={close}
      run={async (fields) => {
        const body = { note: String(fields.get('note')) };
        await call('PUT', below('/v1/failures', failure.fingerprint), { body });
        toast(texts.saved);
        done();
      }}
    >
      <p class="breaks muted">{failure.pattern}</p>
      <CodeField label={texts.note} name="note" hint={texts.noteHint} value={failure.note ?? ''} rows={4} />
    </Confirm>
  );
}
