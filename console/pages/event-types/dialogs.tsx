// Changing a type's policies, and returning to those of its code.

import { call } from '../../http/client.ts';
import { Digits } from '../../http/raw-json.ts';
import { ConfirmCall } from '../../parts/confirm-call.tsx';
import { Confirm } from '../../parts/dialog.tsx';
import { TextField } from '../../parts/form.tsx';
import { below } from '../../shell/router.ts';
import { toast } from '../../shell/toasts.tsx';
import { useWords } from '../../words/words.ts';
import type { EventType } from './event-type.ts';
import { words } from './words.ts';

interface DialogProps {
  type: EventType;
  close(): void;
  done(): void;
}

export function Change({ type: { name, override }, close, done }: DialogProps) {
  const texts = useWords(words);
  const { retry = {}, timeout, priority, batch } = override ?? {};
  const { jitter } = retry;
  return (
    <Confirm
      title={texts.editTitle(name)}
      verb={texts.save}
      close={close}
      run={async (fields) => {
        await call('PUT', below('/v1/event-types', name), { body: wanted(fields) });
        toast(texts.changed);
        done();
      }}
    >
      <p class="muted">{texts.editHint}</p>
      <TextField label={texts.maxAttempts} name="maxAttempts" type="number" min={1} value={text(retry.maxAttempts)} />
      <TextField label={texts.base} name="base" value={retry.base} placeholder="10s" />
      <TextField label={texts.cap} name="cap" value={retry.cap} placeholder="1h" />
      <TextField label={texts.jitter} name="jitter" value={jitter instanceof Digits ? jitter.text : text(jitter)} />
      <TextField label={texts.timeout} name="timeout" value={timeout} placeholder="30s" />
      <TextField label={texts.priority} name="priority" type="number" min={1} max={5} value={text(priority)} />
      <TextField label={texts.batch} name="batch" type="number" min={1} value={text(batch ?? undefined)} />
    </Confirm>
  );
}

function text(value: number | undefined): string {
  return value === undefined ? '' : String(value);
}

/** Only what was filled in. */
function wanted(fields: FormData): Record<string, unknown> {
  const given = (name: string): string => String(fields.get(name) ?? '').trim();
  const texts = (...names: string[]) =>
    Object.fromEntries(names.flatMap((name) => (given(name) === '' ? [] : [[name, given(name)]])));
  const numbers = (...names: string[]) =>
    Object.fromEntries(names.flatMap((name) => (given(name) === '' ? [] : [[name, Number(given(name))]])));
  const retry = { ...numbers('maxAttempts', 'jitter'), ...texts('base', 'cap') };
  return {
    ...(Object.keys(retry).length > 0 && { retry }),
    ...texts('timeout'),
    ...numbers('priority', 'batch'),
  };
}

export function Reset({ type: { name }, close, done }: DialogProps) {
  const texts = useWords(words);
  return (
    <ConfirmCall
      title={texts.resetTitle(name)}
      verb={texts.resetVerb}
      send={() => call('DELETE', below('/v1/event-types', name))}
      said={texts.changed}
      close={close}
      done={done}
    />
  );
}
