// The limits of a flow, and what they would have done with the last day before anybody has to live with them.

import { useRef, useState } from 'preact/hooks';
import { call } from '../../http/client.ts';
import { asProblem } from '../../live/use-live.ts';
import { Confirm } from '../../parts/dialog.tsx';
import { Facts } from '../../parts/facts.tsx';
import { ChoiceField, TextField } from '../../parts/form.tsx';
import { problemText } from '../../parts/states.tsx';
import { durationText } from '../../parts/time.tsx';
import { toast } from '../../shell/toasts.tsx';
import { general } from '../../words/general.ts';
import { numberText, useWords } from '../../words/words.ts';
import { type Flow, flowPath, type Limits, type Simulation } from './flow.ts';
import { words } from './words.ts';

const SPAN = '24h';

export function LimitsDialog({ flow, close, done }: { flow: Flow | undefined; close(): void; done(): void }) {
  const texts = useWords(words);
  return (
    <Confirm
      title={texts.editTitle}
      verb={texts.save}
      wide
      close={close}
      run={async (fields) => {
        await call('PUT', pathOf(flow, fields), { body: limitsOf(fields) });
        toast(texts.saved);
        done();
      }}
    >
      {flow ? (
        <p class="breaks">
          <strong>{flow.type}</strong> {flow.group ?? texts.ofType}
        </p>
      ) : (
        <div class="filters">
          <TextField label={texts.type} name="type" required />
          <TextField label={texts.group} name="group" hint={texts.groupHint} />
        </div>
      )}
      <div class="filters">
        <TextField
          label={texts.maxInFlight}
          name="maxInFlight"
          type="number"
          min={1}
          value={flow?.maxInFlight?.toString()}
          hint={texts.boundHint}
        />
        <TextField
          label={texts.rate}
          name="limit"
          type="number"
          min={1}
          value={flow?.rate?.limit.toString()}
          hint={texts.rateHint}
        />
        <ChoiceField
          label={texts.per}
          name="per"
          value={flow?.rate?.per ?? 'minute'}
          choices={[
            { value: 'second', label: texts.perSecond },
            { value: 'minute', label: texts.perMinute },
          ]}
        />
      </div>
      <label class="check">
        <input type="checkbox" name="paused" defaultChecked={flow?.paused ?? false} />
        {texts.pausedField}
      </label>
      <Simulate flow={flow} />
    </Confirm>
  );
}

function pathOf(flow: Flow | undefined, fields: FormData): string {
  return flowPath(flow ?? { type: String(fields.get('type')).trim(), group: String(fields.get('group')).trim() });
}

function limitsOf(fields: FormData): Limits {
  const number = (name: string): number | null => {
    const text = String(fields.get(name) ?? '').trim();
    return text === '' ? null : Number(text);
  };
  const limit = number('limit');
  return {
    paused: fields.has('paused'),
    maxInFlight: number('maxInFlight'),
    rate: limit === null ? null : { limit, per: fields.get('per') === 'second' ? 'second' : 'minute' },
  };
}

function Simulate({ flow }: { flow: Flow | undefined }) {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const place = useRef<HTMLDivElement>(null);
  const [found, setFound] = useState<Simulation>();
  const [problem, setProblem] = useState<string>();
  const simulate = async (): Promise<void> => {
    const form = place.current?.closest('form');
    if (!form?.reportValidity()) return;
    const fields = new FormData(form);
    setProblem(undefined);
    setFound(undefined);
    try {
      const asked = { query: { simulate: SPAN }, body: limitsOf(fields) };
      setFound(await call<Simulation>('PUT', pathOf(flow, fields), asked));
    } catch (error) {
      setProblem(problemText(asProblem(error), generalTexts));
    }
  };
  return (
    <div ref={place}>
      <button type="button" onClick={simulate}>
        {texts.simulate}
      </button>
      <p role="alert" class="problem-text breaks">
        {problem}
      </p>
      {found && (
        <div class="part">
          <h3>{texts.simulation}</h3>
          <Facts
            facts={[
              [texts.arrivals, numberText(found.arrivals)],
              [texts.waitP50, found.waitMs ? durationText(found.waitMs.p50) : found.arrivals > 0 && texts.never],
              [texts.waitP99, found.waitMs && durationText(found.waitMs.p99)],
              [texts.waitMax, found.waitMs && durationText(found.waitMs.max)],
              [texts.backlogMax, numberText(found.backlog.max)],
              [texts.backlogEnd, numberText(found.backlog.atEnd)],
            ]}
          />
        </div>
      )}
    </div>
  );
}
