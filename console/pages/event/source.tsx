// How an event came, or who did something to it, as the ledger writes it: with the way to what that names.

import { below, href } from '../../shell/router.ts';

const ID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** What is named behind which words, and the page of it. */
const NAMED: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`^(emit )(${ID})$`), '/events'],
  [new RegExp(`^(.*redrive )(${ID})$`), '/redrives'],
  [/^(schedule )([\w.-]+)(?= \([^)]*\)$)/, '/schedules'],
];

export function Source({ text }: { text: string }) {
  for (const [pattern, page] of NAMED) {
    const [all, before = '', name] = pattern.exec(text) ?? [];
    if (all === undefined || name === undefined) continue;
    return (
      <>
        {before}
        <a href={href(below(page, name))}>{name}</a>
        {text.slice(all.length)}
      </>
    );
  }
  return <>{text}</>;
}
