// Figures side by side: a name and a number each, perhaps with the way to what it counts.

import type { ComponentChildren } from 'preact';
import { general } from '../words/general.ts';
import { numberText, useWords } from '../words/words.ts';
import type { Tone } from './badge.tsx';

export interface Figure {
  name: string;
  value: ComponentChildren;
  href?: string;
  tone?: Tone | undefined;
}

export function Figures({ label, figures }: { label: string; figures: readonly Figure[] }) {
  return (
    <ul class="figures" aria-label={label}>
      {figures.map(({ name, value, href, tone = 'neutral' }) => (
        <li key={name} class={tone}>
          <span class="figure-name">{href ? <a href={href}>{name}</a> : name}</span>
          <span class="figure-value">{value}</span>
        </li>
      ))}
    </ul>
  );
}

/** A count: exact, or said to be an estimate. */
export function Count({ value, exact = true }: { value: number; exact?: boolean }) {
  const words = useWords(general);
  return <>{exact ? numberText(value) : words.approximately(numberText(value, { maximumSignificantDigits: 2 }))}</>;
}
