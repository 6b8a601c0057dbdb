// A question that must be answered before the page goes on: the browser's own dialog, with its focus and its Escape.

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { because } from '../http/client.ts';
import { asProblem } from '../live/use-live.ts';
import { general } from '../words/general.ts';
import { useWords } from '../words/words.ts';
import { TextField } from './form.tsx';
import { problemText } from './states.tsx';

const REASON = 'tem-reason';
const REASON_LENGTH_MAX = 500;

export function Dialog({
  title,
  close,
  children,
  wide = false,
}: {
  title: string;
  close(): void;
  children: ComponentChildren;
  wide?: boolean;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const words = useWords(general);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    return () => before?.focus();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={close} class={wide ? 'wide' : ''}>
      <div class="dialog-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="quiet" onClick={close} aria-label={words.close}>
          ×
        </button>
      </div>
      {children}
    </dialog>
  );
}

/**
 * Asks before something is done. `run` gets the form's fields; what it throws stays in the dialog, so that nothing typed is
 * lost. `verb` is the button: the deed itself, with its size, such as "Redrive 30 events".
 */
export function Confirm({
  title,
  verb,
  danger = false,
  wide = false,
  disabled = false,
  keepOpen = false,
  asksReason = !keepOpen,
  run,
  close,
  children,
}: {
  title: string;
  verb: string;
  danger?: boolean;
  wide?: boolean;
  disabled?: boolean;
  /** Whether the dialog stays when it went well, because another one takes its place. */
  keepOpen?: boolean;
  /** Whether it asks why, for the audit. False where nothing changes yet, or what is sent is an event as any other. */
  asksReason?: boolean;
  run(fields: FormData): Promise<unknown>;
  close(): void;
  children?: ComponentChildren;
}) {
  const words = useWords(general);
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setProblem(undefined);
    try {
      const fields = new FormData(event.currentTarget as HTMLFormElement);
      await because(String(fields.get(REASON) ?? '').trim(), () => run(fields));
      if (keepOpen) setBusy(false);
      else close();
    } catch (error) {
      setProblem(problemText(asProblem(error), words));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} close={close} wide={wide}>
      <form onSubmit={submit}>
        {children}
        {asksReason && <TextField label={words.reason} name={REASON} maxLength={REASON_LENGTH_MAX} />}
        <p role="alert" class="problem-text breaks">
          {problem}
        </p>
        <div class="dialog-actions">
          <button type="button" onClick={close}>
            {words.cancel}
          </button>
          <button type="submit" class={danger ? 'danger' : 'primary'} disabled={busy || disabled}>
            {verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
