// Redrive and cancel for many events. The set is frozen before somebody confirms it, so that the number in the question is
// the number of those that it is done to; who steps back ends the frozen set.

import { useState } from 'preact/hooks';
import { useWords } from '../../words/words.ts';
import type { EventFilter } from './event.ts';
import { FreezeDialog } from './freeze-dialog.tsx';
import { words } from './words.ts';

export type BatchVerb = 'redrive' | 'cancel';

export interface BatchSet {
  verb: BatchVerb;
  filter?: EventFilter;
  ids?: readonly string[];
}

export function BatchActions(props: { filter: EventFilter; ids: ReadonlySet<string>; done(): void }) {
  const { filter, ids, done } = props;
  const texts = useWords(words);
  const [open, setOpen] = useState<BatchSet>();
  const isFiltered = Object.keys(filter).length > 0;
  const choose = (verb: BatchVerb) => () => setOpen(ids.size > 0 ? { verb, ids: [...ids] } : { verb, filter });
  return (
    <div class="bar">
      <button type="button" onClick={choose('redrive')} disabled={ids.size === 0 && !isFiltered}>
        {ids.size > 0 ? texts.redriveSome(ids.size) : texts.redriveAll}
      </button>
      <button type="button" onClick={choose('cancel')} disabled={ids.size === 0 && !isFiltered}>
        {ids.size > 0 ? texts.cancelSome(ids.size) : texts.cancelAll}
      </button>
      {ids.size === 0 && !isFiltered && <span class="muted">{texts.tooBroad}</span>}
      {open && <FreezeDialog set={open} close={() => setOpen(undefined)} done={done} />}
    </div>
  );
}
