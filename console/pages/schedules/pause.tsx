// Pausing asks for a note, of one schedule or of many.

import { Confirm } from '../../parts/dialog.tsx';
import { TextField } from '../../parts/form.tsx';
import { toast } from '../../shell/toasts.tsx';
import { useWords } from '../../words/words.ts';
import { pause } from './schedule.ts';
import { words } from './words.ts';

const NAMED_MAX = 20;

export function PauseDialog({ ids, close, done }: { ids: readonly string[]; close(): void; done(): void }) {
  const texts = useWords(words);
  return (
    <Confirm
      title={texts.pauseTitle}
      verb={texts.pauseVerb(ids.length)}
      // The note says why, and is in the audit.
      asksReason={false}
      close={close}
      run={async (fields) => {
        for (const id of ids) await pause(id, String(fields.get('note')).trim());
        toast(texts.pausedToast(ids.length));
        done();
      }}
    >
      <p class="breaks">
        {ids.slice(0, NAMED_MAX).join(', ')}
        {ids.length > NAMED_MAX && ' …'}
      </p>
      <p>{texts.pauseText}</p>
      <TextField label={texts.note} name="note" hint={texts.noteHint} />
    </Confirm>
  );
}
