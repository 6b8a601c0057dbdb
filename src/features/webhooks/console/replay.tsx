// Replay: since when, then the question of every redrive, which freezes the set and names its size.

import { useState } from 'preact/hooks';
import { Confirm, FreezeDialog, TextField, useWords } from '../../../../console/index.ts';
import { words } from './words.ts';

export function Replay(props: { url: string; since: string; close(): void; done(): void }) {
  const { url, since, close, done } = props;
  const texts = useWords(words);
  const [from, setFrom] = useState<string>();
  if (from !== undefined) {
    const filter = { type: 'webhook', state: 'FAILED,EXTINCT', payload: `url:${url}`, from };
    return <FreezeDialog set={{ verb: 'redrive', filter }} close={close} done={done} />;
  }
  return (
    <Confirm
      title={texts.replayTitle}
      verb={texts.replayVerb}
      keepOpen
      close={close}
      run={async (fields) => setFrom(String(fields.get('from')).trim())}
    >
      <p class="breaks">{url}</p>
      <p>{texts.replayText}</p>
      <TextField label={texts.from} name="from" required value={since} placeholder={texts.timeHint} />
    </Confirm>
  );
}
