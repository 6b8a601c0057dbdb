// What stands where nothing can be shown: loading, nothing there, failed.

import type { ComponentChildren } from 'preact';
import type { ApiProblem } from '../http/client.ts';
import { general } from '../words/general.ts';
import { useWords } from '../words/words.ts';

export function Loading() {
  return (
    <p class="state" role="status">
      {useWords(general).loading}
    </p>
  );
}

export function Empty({ title, children }: { title?: string; children?: ComponentChildren }) {
  return (
    <div class="state">
      <p>{title ?? useWords(general).nothing}</p>
      {children}
    </div>
  );
}

export function Failed({ text, again }: { text: string; again?: (() => void) | undefined }) {
  const words = useWords(general);
  return (
    <div class="state failed" role="alert">
      <p>
        <strong>{words.failed}</strong>
      </p>
      <p class="breaks">{text}</p>
      {again && (
        <button type="button" onClick={again}>
          {words.tryAgain}
        </button>
      )}
    </div>
  );
}

/** What the API answered, in words. */
export function problemText({ status, detail, body }: ApiProblem, words: { unreachable: string }): string {
  if (status === 0) return words.unreachable;
  const path = typeof body.path === 'string' && body.path !== '' ? `${body.path}: ` : '';
  return `${path}${detail}`;
}
