// The list of shortcuts, and the switch that turns them off.

import { useStore } from '../live/store.ts';
import { Dialog } from '../parts/dialog.tsx';
import { general } from '../words/general.ts';
import { useWords } from '../words/words.ts';
import { allShortcuts, shortcutsOn } from './keyboard.ts';

export function ShortcutList({ close }: { close(): void }) {
  const words = useWords(general);
  const on = useStore(shortcutsOn) === 'on';
  return (
    <Dialog title={words.shortcuts} close={close}>
      <label class="check">
        <input
          type="checkbox"
          checked={on}
          onChange={({ currentTarget }) => shortcutsOn.set(currentTarget.checked ? 'on' : 'off')}
        />
        {words.shortcutsOn}
      </label>
      <dl class="shortcuts">
        {allShortcuts().map(({ keys, does }) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
