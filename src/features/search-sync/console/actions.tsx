// What can be done with the queue as a whole: start, stop, retry what failed, clear.

import { useState } from 'preact/hooks';
import { Confirm, call, numberText, toast, useAct, useMay, useWords } from '../../../../console/index.ts';
import type { Detailed } from './page.tsx';
import { words } from './words.ts';

type Action = 'stop' | 'retry' | 'clear';
const PATHS: Record<Action, string> = { stop: 'stop', retry: 'retry-failed', clear: 'clear' };

async function post(path: string, body?: unknown): Promise<string> {
  const { message } = await call<{ message: string }>('POST', `/v1/search-sync/queue/${path}`, { body });
  return message;
}

export function QueueActions({ queue, done }: { queue: Detailed['queue']; done(): void }) {
  const texts = useWords(words);
  const mayAct = useMay('operator');
  const [asked, setAsked] = useState<Action>();
  const act = useAct();
  if (!mayAct) return null;
  const start = (): void =>
    void act(async () => {
      toast(await post('start'));
      done();
    });
  return (
    <>
      <button type="button" onClick={start}>
        {texts.start}
      </button>
      <button type="button" onClick={() => setAsked('stop')}>
        {texts.stop}
      </button>
      <button type="button" disabled={queue.failed === 0} onClick={() => setAsked('retry')}>
        {texts.retry}
      </button>
      <button type="button" onClick={() => setAsked('clear')}>
        {texts.clear}
      </button>
      {asked && (
        <Confirm
          title={texts[`${asked}Title`]}
          verb={texts[`${asked}Verb`]}
          danger={asked === 'clear'}
          close={() => setAsked(undefined)}
          run={async () => {
            toast(await post(PATHS[asked], asked === 'clear' ? { confirm: true } : undefined));
            done();
          }}
        >
          {asked === 'stop' && <p>{texts.stopText}</p>}
          {asked === 'retry' && <p>{texts.retryText(numberText(queue.failed))}</p>}
          {asked === 'clear' && (
            <>
              <p>{texts.clearSize(numberText(queue.total))}</p>
              <p>{texts.clearText}</p>
            </>
          )}
        </Confirm>
      )}
    </>
  );
}
