// JSON as text, letter by letter and digit by digit. A large one is cut until somebody asks for the rest, so that it never
// holds the page up.

import { useState } from 'preact/hooks';
import { type Json, writeJson } from '../http/raw-json.ts';
import { general } from '../words/general.ts';
import { numberText, useWords } from '../words/words.ts';
import { CopyButton } from './copy.tsx';

const SHOWN_MAX = 20_000;
const KIBI = 1_024;

export function JsonView({ value, label }: { value: Json | undefined; label: string }) {
  return <TextView text={writeJson(value, 2)} label={label} />;
}

/** The same for an error's text or SQL. */
export function TextView({ text, label }: { text: string; label: string }) {
  const words = useWords(general);
  const [whole, setWhole] = useState(false);
  const isCut = !whole && text.length > SHOWN_MAX;
  return (
    <div class="text-view">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section tabIndex={0} aria-label={label}>
        <pre>{isCut ? `${text.slice(0, SHOWN_MAX)} …` : text}</pre>
      </section>
      <div class="text-actions">
        {isCut && (
          <button type="button" onClick={() => setWhole(true)}>
            {words.showAll(`${numberText(Math.ceil(text.length / KIBI))} KiB`)}
          </button>
        )}
        <CopyButton text={text} label={label} />
      </div>
    </div>
  );
}

const BRIEF_MAX = 120;

/** A value in one line of a table. */
export function Brief({ value }: { value: Json | undefined }) {
  if (value === undefined) return <span class="muted">–</span>;
  const text = typeof value === 'string' ? value : writeJson(value);
  return <span class="brief">{text.length > BRIEF_MAX ? `${text.slice(0, BRIEF_MAX)}…` : text}</span>;
}
