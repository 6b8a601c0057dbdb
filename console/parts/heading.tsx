// The head of a page: its name, how fresh it is, and what can be done with it as a whole. A page that opens takes the focus
// to its name, so that it is read aloud and Tab goes on from there.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Live } from '../live/use-live.ts';
import { general } from '../words/general.ts';
import { language, useWords } from '../words/words.ts';

let opened = false;

export function Heading({
  title,
  live,
  children,
}: {
  title: string;
  live?: Pick<Live<unknown>, 'asOf' | 'problem' | 'busy' | 'refresh'>;
  children?: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · TEM`;
  }, [title]);
  useEffect(() => {
    // The first page of all leaves the focus where the browser has it.
    if (opened) heading.current?.focus();
    opened = true;
  }, []);
  return (
    <div class="heading">
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {live && <Freshness live={live} />}
      {children && <div class="heading-actions">{children}</div>}
    </div>
  );
}

/** When what is shown was true, and whether it still can be asked for. */
export function Freshness({ live }: { live: Pick<Live<unknown>, 'asOf' | 'problem' | 'busy' | 'refresh'> }) {
  const words = useWords(general);
  const { asOf, problem, busy, refresh } = live;
  const time = asOf === undefined ? '–' : new Date(asOf).toLocaleTimeString(language.get());
  return (
    <span class={problem ? 'freshness stale' : 'freshness'}>
      <span>{problem ? words.notReached(time) : words.asOf(time)}</span>
      <button type="button" class="quiet" onClick={refresh} aria-label={words.refresh} aria-busy={busy}>
        ↻
      </button>
    </span>
  );
}
