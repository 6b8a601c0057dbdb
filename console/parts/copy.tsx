// Copies a text. Browsers lend the clipboard only over HTTPS and on loopback; elsewhere an older way works.

import { toast } from '../shell/toasts.tsx';
import { general } from '../words/general.ts';
import { useWords } from '../words/words.ts';

export function CopyButton({ text, label }: { text: string; label: string }) {
  const words = useWords(general);
  return (
    <button
      type="button"
      class="quiet"
      aria-label={`${words.copy}: ${label}`}
      onClick={() => void copy(text).then(() => toast(words.copied))}
    >
      {words.copy}
    </button>
  );
}

async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).catch(() => copyBySelection(text));
  copyBySelection(text);
}

function copyBySelection(text: string): void {
  const field = document.createElement('textarea');
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand('copy');
  field.remove();
}
