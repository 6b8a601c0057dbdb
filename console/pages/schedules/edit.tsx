// A schedule's form, for a new one and for one that is there, with a look at when it would fire before it is saved.

import { useRef, useState } from 'preact/hooks';
import { call } from '../../http/client.ts';
import { writeJson } from '../../http/raw-json.ts';
import { asProblem } from '../../live/use-live.ts';
import { Confirm } from '../../parts/dialog.tsx';
import { ChoiceField, CodeField, TextField } from '../../parts/form.tsx';
import { problemText } from '../../parts/states.tsx';
import { Table } from '../../parts/table.tsx';
import { toast } from '../../shell/toasts.tsx';
import { general } from '../../words/general.ts';
import { useWords } from '../../words/words.ts';
import { OVERLAPS, type Schedule, schedulePath } from './schedule.ts';
import { words } from './words.ts';

interface Preview {
  words: string;
  runs: { at: string; local: string; offset: string; gap: string | null; moved?: boolean }[];
  missingDays: string[];
}

const ZONE_DEFAULT = Intl.DateTimeFormat().resolvedOptions().timeZone;
const TEXTS = [
  'id',
  'cron',
  'every',
  'timeZone',
  'type',
  'overlap',
  'catchupWindow',
  'jitter',
  'startAt',
  'endAt',
  'note',
];

/** The body as text: the payload goes as it was typed, with its digits. */
function bodyOf(fields: FormData, names: readonly string[]): string {
  const given = names.map((name) => [name, String(fields.get(name) ?? '').trim()]).filter(([, text]) => text !== '');
  const payload = String(fields.get('payload') ?? '').trim();
  const body = JSON.stringify(Object.fromEntries(given));
  return payload === '' || !names.includes('type') ? body : `${body.slice(0, -1)},"payload":${payload}}`;
}

export function EditDialog({ schedule, close, done }: { schedule?: Schedule; close(): void; done(): void }) {
  const texts = useWords(words);
  return (
    <Confirm
      title={schedule ? texts.editTitle(schedule.id) : texts.createTitle}
      verb={schedule ? texts.save : texts.createVerb}
      wide
      close={close}
      run={async (fields) => {
        const text = bodyOf(fields, TEXTS);
        if (schedule) await call('PUT', schedulePath(schedule.id), { text, ifRevision: schedule.revision });
        else await call('POST', '/v1/schedules', { text });
        toast(schedule ? texts.saved : texts.created);
        done();
      }}
    >
      {!schedule && <TextField label={texts.id} name="id" required />}
      <Rhythm schedule={schedule} />
      <TextField label={texts.type} name="type" required value={schedule?.type} />
      <CodeField
        label={texts.payload}
        name="payload"
        hint={texts.payloadHint}
        rows={5}
        value={schedule ? writeJson(schedule.payload, 2) : '{}'}
      />
      <div class="filters">
        <ChoiceField
          label={texts.overlap}
          name="overlap"
          value={schedule?.overlap ?? 'skip'}
          choices={OVERLAPS.map((value) => ({ value, label: value }))}
        />
        <TextField label={texts.catchup} name="catchupWindow" value={schedule?.catchupWindow ?? '10m'} />
        <TextField label={texts.jitter} name="jitter" value={schedule?.jitter ?? '0s'} />
        <TextField label={texts.startAt} name="startAt" value={schedule?.startAt ?? ''} placeholder={texts.timeHint} />
        <TextField label={texts.endAt} name="endAt" value={schedule?.endAt ?? ''} placeholder={texts.timeHint} />
        <TextField label={texts.note} name="note" value={schedule?.note ?? ''} />
      </div>
    </Confirm>
  );
}

/** When: cron or interval and the zone, with what they come to. */
function Rhythm({ schedule }: { schedule: Schedule | undefined }) {
  const texts = useWords(words);
  const place = useRef<HTMLDivElement>(null);
  const [preview, setPreview] = useState<Preview>();
  const [problem, setProblem] = useState<string>();
  const generalTexts = useWords(general);
  const look = async (): Promise<void> => {
    const form = place.current?.closest('form');
    if (!form) return;
    const text = bodyOf(new FormData(form), ['cron', 'every', 'timeZone']);
    try {
      setPreview(await call<Preview>('POST', '/v1/schedules/preview', { text }));
      setProblem(undefined);
    } catch (error) {
      setPreview(undefined);
      setProblem(problemText(asProblem(error), generalTexts));
    }
  };
  return (
    <div ref={place}>
      <div class="filters">
        <TextField label={texts.cron} name="cron" value={schedule?.cron ?? ''} hint={texts.cronHint} />
        <TextField label={texts.interval} name="every" value={schedule?.every ?? ''} hint={texts.intervalHint} />
        <TextField label={texts.zone} name="timeZone" required value={schedule?.timeZone ?? ZONE_DEFAULT} />
      </div>
      <div class="bar">
        <button type="button" onClick={look}>
          {texts.preview}
        </button>
      </div>
      <p role="alert" class="problem-text breaks">
        {problem}
      </p>
      {preview && (
        <div class="part">
          <p>{preview.words}</p>
          {preview.missingDays.length > 0 && <p>{texts.missingDays(preview.missingDays.join(', '))}</p>}
          <Table
            caption={texts.previewOf}
            rows={preview.runs}
            id={({ at }) => at}
            columns={[
              {
                id: 'local',
                title: texts.local,
                cell: ({ local, moved }) => (moved ? `${local} (${texts.moved})` : local),
              },
              { id: 'offset', title: texts.offset, cell: ({ offset }) => offset },
              { id: 'gap', title: texts.gap, cell: ({ gap }) => gap ?? '–' },
            ]}
          />
        </div>
      )}
    </div>
  );
}
