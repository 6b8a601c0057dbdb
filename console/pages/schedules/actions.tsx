// What can be done with one schedule: edit, pause or resume, trigger, backfill, remove.

import { useState } from 'preact/hooks';
import { call } from '../../http/client.ts';
import { useAct } from '../../parts/act.tsx';
import { ConfirmCall } from '../../parts/confirm-call.tsx';
import { Confirm } from '../../parts/dialog.tsx';
import { TextField } from '../../parts/form.tsx';
import { href, navigate } from '../../shell/router.ts';
import { useMay } from '../../shell/session.ts';
import { toast } from '../../shell/toasts.tsx';
import { useWords } from '../../words/words.ts';
import { EditDialog } from './edit.tsx';
import { PauseDialog } from './pause.tsx';
import { resume, type Schedule, schedulePath } from './schedule.ts';
import { words } from './words.ts';

type Action = 'edit' | 'pause' | 'trigger' | 'backfill' | 'remove';

export function Actions({ schedule, done }: { schedule: Schedule; done(): void }) {
  const texts = useWords(words);
  const mayAct = useMay('operator');
  const [asked, setAsked] = useState<Action>();
  const act = useAct();
  if (!mayAct) return null;
  const { id, paused, origin } = schedule;
  const close = (): void => setAsked(undefined);
  const ask = (action: Action) => (
    <button type="button" onClick={() => setAsked(action)}>
      {texts[action]}
    </button>
  );
  return (
    <>
      {ask('edit')}
      {paused ? (
        <button
          type="button"
          onClick={() =>
            void act(async () => {
              await resume(id);
              done();
            }, texts.resumedToast(1))
          }
        >
          {texts.resume}
        </button>
      ) : (
        ask('pause')
      )}
      {ask('trigger')}
      {ask('backfill')}
      {origin === 'data' && ask('remove')}
      {asked === 'edit' && <EditDialog schedule={schedule} close={close} done={done} />}
      {asked === 'pause' && <PauseDialog ids={[id]} close={close} done={done} />}
      {asked === 'trigger' && <Trigger id={id} close={close} done={done} />}
      {asked === 'backfill' && <Backfill id={id} close={close} done={done} />}
      {asked === 'remove' && <Remove id={id} close={close} />}
    </>
  );
}

function Trigger({ id, close, done }: { id: string; close(): void; done(): void }) {
  const texts = useWords(words);
  return (
    <Confirm
      title={texts.triggerTitle}
      verb={texts.triggerVerb}
      close={close}
      run={async () => {
        await call('POST', schedulePath(id, 'trigger'));
        toast(texts.triggered);
        done();
      }}
    >
      <p>{texts.triggerText}</p>
    </Confirm>
  );
}

function Backfill({ id, close, done }: { id: string; close(): void; done(): void }) {
  const texts = useWords(words);
  return (
    <Confirm
      title={texts.backfillTitle}
      verb={texts.backfillVerb}
      close={close}
      run={async (fields) => {
        const body = {
          from: String(fields.get('from')).trim(),
          to: String(fields.get('to')).trim(),
          rerun: fields.has('rerun'),
        };
        const { fired, nominal } = await call<{ fired: number; nominal: number }>(
          'POST',
          schedulePath(id, 'backfill'),
          { body },
        );
        toast(texts.backfilled(fired, nominal));
        done();
      }}
    >
      <TextField label={texts.from} name="from" required placeholder={texts.timeHint} />
      <TextField label={texts.to} name="to" required placeholder={texts.timeHint} />
      <label class="check">
        <input type="checkbox" name="rerun" />
        {texts.rerun}
      </label>
    </Confirm>
  );
}

function Remove({ id, close }: { id: string; close(): void }) {
  const texts = useWords(words);
  return (
    <ConfirmCall
      title={texts.removeTitle}
      verb={texts.removeVerb}
      danger
      text={texts.removeText}
      send={() => call('DELETE', schedulePath(id))}
      said={texts.removed}
      close={close}
      done={() => navigate(href('/schedules'))}
    />
  );
}
