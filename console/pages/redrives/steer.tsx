// What can be done with a redrive that runs, waits or has stopped.

import { useState } from 'preact/hooks';
import { call } from '../../http/client.ts';
import { asProblem } from '../../live/use-live.ts';
import { Confirm } from '../../parts/dialog.tsx';
import { problemText } from '../../parts/states.tsx';
import { useMay } from '../../shell/session.ts';
import { toast } from '../../shell/toasts.tsx';
import { general } from '../../words/general.ts';
import { useWords } from '../../words/words.ts';
import { type Redrive, type Steering, steerings } from './redrive.ts';
import { words } from './words.ts';

export function Steer({ job, done }: { job: Redrive; done(): void }) {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const [asked, setAsked] = useState<'cancel' | 'undo'>();
  const mayAct = useMay('operator');
  const steer = async (how: Steering): Promise<void> => {
    const answer = await call<{ kept?: number }>('POST', `/v1/redrives/${job.id}/${how}`);
    toast(how === 'undo' ? texts.undoneToast(answer.kept ?? 0) : texts.steered);
    done();
  };
  const atOnce = (how: Steering): void =>
    void steer(how).catch((error: unknown) => toast(problemText(asProblem(error), generalTexts), 'failed'));
  if (!mayAct) return null;
  return (
    <>
      {steerings(job).map((how) => (
        <button
          key={how}
          type="button"
          onClick={() => (how === 'cancel' || how === 'undo' ? setAsked(how) : atOnce(how))}
        >
          {texts[how]}
          {(how === 'cancel' || how === 'undo') && ' …'}
        </button>
      ))}
      {asked && (
        <Confirm
          title={asked === 'undo' ? texts.undoTitle : texts.cancelTitle}
          verb={texts[asked]}
          danger
          run={() => steer(asked)}
          close={() => setAsked(undefined)}
        >
          <p>{asked === 'undo' ? texts.undoText : texts.cancelText}</p>
        </Confirm>
      )}
    </>
  );
}
