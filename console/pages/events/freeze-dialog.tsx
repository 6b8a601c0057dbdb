// Two steps: how fast, which freezes the set; and the question that names its size and its filter.

import { useRef, useState } from 'preact/hooks';
import { call } from '../../http/client.ts';
import { Confirm } from '../../parts/dialog.tsx';
import { TextField } from '../../parts/form.tsx';
import { below, href, navigate } from '../../shell/router.ts';
import { toast } from '../../shell/toasts.tsx';
import { useWords } from '../../words/words.ts';
import type { Redrive } from '../redrives/redrive.ts';
import type { BatchSet } from './batch-actions.tsx';
import { asBody, filterText } from './event.ts';
import { freezeWords } from './freeze-words.ts';

const RATE_DEFAULT = '50';

export function FreezeDialog({ set, close, done }: { set: BatchSet; close(): void; done(): void }) {
  const texts = useWords(freezeWords);
  const { verb, ids, filter } = set;
  const [frozen, setFrozen] = useState<Redrive>();
  const what = ids ? texts.selected(ids.length) : filterText(filter ?? {});
  if (frozen) return <Confirmation job={frozen} set={set} what={what} close={close} done={done} />;
  return (
    <Confirm
      title={verb === 'redrive' ? texts.redriveTitle : texts.cancelTitle}
      verb={texts.freeze}
      // Keeps the dialog: the confirmation takes its place.
      close={close}
      keepOpen
      run={async (fields) => {
        const body = { ...(ids ? { ids } : { filter: asBody(filter ?? {}) }), ...pace(fields), paused: true };
        const path = verb === 'redrive' ? '/v1/events/redrive' : '/v1/events/cancel';
        setFrozen(await call<Redrive>('POST', path, { body }));
      }}
    >
      <p class="breaks">{what}</p>
      {verb === 'redrive' && !filter?.state && !ids && <p class="muted">{texts.extinctOnly}</p>}
      <TextField label={texts.rate} name="rate" type="number" min={1} max={1_000} value={RATE_DEFAULT} required />
      {verb === 'redrive' && (
        <>
          <TextField label={texts.canary} name="canary" type="number" min={0} max={10_000} hint={texts.canaryHint} />
          <TextField label={texts.percent} name="percent" type="number" min={0} max={100} value="10" />
        </>
      )}
      <TextField label={texts.limit} name="limit" type="number" min={1} />
    </Confirm>
  );
}

/** Only the numbers that were given. */
function pace(fields: FormData): Record<string, unknown> {
  const number = (name: string): number | undefined => Number(fields.get(name) ?? '') || undefined;
  const canary = number('canary');
  const limit = number('limit');
  return {
    ratePerSecond: number('rate'),
    ...(limit !== undefined && { limit }),
    ...(canary !== undefined && { canary: { count: canary, maxFailedPercent: number('percent') ?? 0 } }),
  };
}

function Confirmation(props: { job: Redrive; set: BatchSet; what: string; close(): void; done(): void }) {
  const { job, set, what, close, done } = props;
  const texts = useWords(freezeWords);
  const confirmed = useRef(false);
  const steer = (how: 'resume' | 'cancel') => call('POST', `/v1/redrives/${job.id}/${how}`);
  const isRedrive = set.verb === 'redrive';
  return (
    <Confirm
      title={isRedrive ? texts.redriveTitle : texts.cancelTitle}
      verb={isRedrive ? texts.redriveNow(job.matches) : texts.cancelNow(job.matches)}
      danger={!isRedrive}
      disabled={job.matches === 0}
      close={() => {
        close();
        // Who steps back leaves no frozen set behind.
        if (!confirmed.current) void steer('cancel').catch(() => {});
      }}
      run={async () => {
        await steer('resume');
        confirmed.current = true;
        done();
        toast(texts.begun(job.matches));
        navigate(href(below('/redrives', job.id)));
      }}
    >
      <p>
        <strong>{texts.frozen(job.matches)}</strong>
      </p>
      <p class="breaks">{what}</p>
      <p class="muted">{isRedrive ? texts.redriveHint : texts.cancelHint}</p>
    </Confirm>
  );
}
