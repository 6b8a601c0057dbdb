// Retry, edit and retry, cancel: each shown only where the event's state and the person's role take it.

import { useState } from 'preact/hooks';
import { call } from '../../http/client.ts';
import { writeJson } from '../../http/raw-json.ts';
import { ConfirmCall } from '../../parts/confirm-call.tsx';
import { Confirm } from '../../parts/dialog.tsx';
import { CodeField } from '../../parts/form.tsx';
import { below } from '../../shell/router.ts';
import { useMay, useSession } from '../../shell/session.ts';
import { toast } from '../../shell/toasts.tsx';
import { useWords } from '../../words/words.ts';
import type { EventJson } from '../events/event.ts';
import { words } from './words.ts';

type Action = 'retry' | 'edit' | 'cancel';

export function Actions({ event, done }: { event: EventJson; done(): void }) {
  const texts = useWords(words);
  const [asked, setAsked] = useState<Action>();
  const mayAct = useMay('operator');
  const { payloads } = useSession();
  const { state, pruned, compensating, cancelRequested } = event;
  const mayRetry = mayAct && !pruned && !compensating && (state === 'FAILED' || state === 'EXTINCT');
  const mayCancel = mayAct && !cancelRequested && ['QUEUED', 'FAILED', 'PROCESSING'].includes(state);
  const close = (): void => setAsked(undefined);
  return (
    <>
      {mayRetry && (
        <button type="button" onClick={() => setAsked('retry')}>
          {state === 'EXTINCT' ? texts.revive : texts.retry} …
        </button>
      )}
      {mayRetry && payloads && (
        <button type="button" onClick={() => setAsked('edit')}>
          {texts.edit} …
        </button>
      )}
      {mayCancel && (
        <button type="button" onClick={() => setAsked('cancel')}>
          {texts.cancel} …
        </button>
      )}
      {asked === 'retry' && <Retry event={event} close={close} done={done} />}
      {asked === 'edit' && <Edit event={event} close={close} done={done} />}
      {asked === 'cancel' && <Cancel event={event} close={close} done={done} />}
    </>
  );
}

interface ActionProps {
  event: EventJson;
  close(): void;
  done(): void;
}

function Retry({ event, close, done }: ActionProps) {
  const texts = useWords(words);
  return (
    <ConfirmCall
      title={texts.retryTitle}
      verb={event.state === 'EXTINCT' ? texts.revive : texts.retry}
      text={texts.retryText}
      send={() => call('POST', `${below('/v1/events', event.id)}/retry`)}
      said={texts.retried}
      close={close}
      done={done}
    />
  );
}

function Edit({ event, close, done }: ActionProps) {
  const texts = useWords(words);
  return (
    <Confirm
      title={texts.editTitle}
      verb={texts.edit}
      wide
      close={close}
      run={async (fields) => {
        const text = `{"payload":${String(fields.get('payload'))}}`;
        await call('POST', `${below('/v1/events', event.id)}/retry`, { text });
        toast(texts.retried);
        done();
      }}
    >
      <CodeField
        label={texts.payload}
        name="payload"
        hint={texts.editHint}
        value={writeJson(event.payload, 2)}
        rows={18}
      />
    </Confirm>
  );
}

function Cancel({ event, close, done }: ActionProps) {
  const texts = useWords(words);
  return (
    <ConfirmCall
      title={texts.cancelTitle}
      verb={texts.cancelVerb}
      danger
      text={texts.cancelText}
      send={() => call('POST', `${below('/v1/events', event.id)}/cancel`)}
      said={texts.cancelled}
      close={close}
      done={done}
    />
  );
}
