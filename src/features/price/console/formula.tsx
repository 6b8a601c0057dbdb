// The priority's weights and tiers, with what a change would make of the products before it is saved.

import { useRef, useState } from 'preact/hooks';
import {
  asProblem,
  Confirm,
  call,
  Failed,
  Figures,
  general,
  Heading,
  Loading,
  numberText,
  problemText,
  TextField,
  toast,
  useLive,
  useMay,
  useWords,
} from '../../../../console/index.ts';
import { PriceTabs } from './tabs.tsx';
import { words } from './words.ts';

const PARTS = ['activeDeal', 'volatility', 'popularity', 'recency'] as const;
const MINUTE_MS = 60_000;
const EVERY_MS = 60_000;

interface Formula {
  weights: Record<(typeof PARTS)[number], number>;
  tiers: { tier: string; minPriority: number; everyMs: number }[];
}
interface Preview {
  byTier: Record<string, number>;
  checksPerHour: number;
}

export function Page() {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const live = useLive('formula', (signal) => call<Formula>('GET', '/v1/price/formula', { signal }), {
    everyMs: EVERY_MS,
  });
  if (!live.value) {
    return live.problem ? <Failed text={problemText(live.problem, generalTexts)} again={live.refresh} /> : <Loading />;
  }
  return (
    <>
      <Heading title={texts.formula} live={live} />
      <PriceTabs />
      <Form key={JSON.stringify(live.value)} formula={live.value} done={live.refresh} />
    </>
  );
}

function bodyOf(form: HTMLFormElement, { tiers }: Formula): Formula {
  const fields = new FormData(form);
  const number = (name: string): number => Number(fields.get(name));
  return {
    weights: Object.fromEntries(PARTS.map((part) => [part, number(part)])) as Formula['weights'],
    tiers: tiers.map(({ tier }) => ({
      tier,
      minPriority: number(`${tier} from`),
      everyMs: Math.round(number(`${tier} every`) * MINUTE_MS),
    })),
  };
}

function Form({ formula, done }: { formula: Formula; done(): void }) {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const mayAct = useMay('operator');
  const form = useRef<HTMLFormElement>(null);
  const [preview, setPreview] = useState<Preview>();
  const [problem, setProblem] = useState<string>();
  const [asked, setAsked] = useState<Formula>();
  const read = (): Formula | undefined => (form.current ? bodyOf(form.current, formula) : undefined);
  const look = async (event: Event): Promise<void> => {
    event.preventDefault();
    setProblem(undefined);
    try {
      setPreview(await call<Preview>('POST', '/v1/price/formula/preview', { body: read() }));
    } catch (error) {
      setPreview(undefined);
      setProblem(problemText(asProblem(error), generalTexts));
    }
  };
  return (
    <>
      <form ref={form} onSubmit={look}>
        <Fields formula={formula} />
        <p role="alert" class="problem-text breaks">
          {problem}
        </p>
        <div class="bar">
          <button type="submit">{texts.preview}</button>
          {mayAct && (
            <button type="button" onClick={() => setAsked(read())}>
              {texts.save}
            </button>
          )}
        </div>
      </form>
      {preview && (
        <section class="part">
          <h2>{texts.previewOf}</h2>
          <Figures
            label={texts.previewOf}
            figures={[
              ...formula.tiers.map(({ tier }) => ({ name: tier, value: numberText(preview.byTier[tier] ?? 0) })),
              { name: texts.perHour, value: numberText(preview.checksPerHour) },
            ]}
          />
        </section>
      )}
      {asked && (
        <Confirm
          title={texts.saveTitle}
          verb={texts.saveVerb}
          close={() => setAsked(undefined)}
          run={async () => {
            await call('PUT', '/v1/price/formula', { body: asked });
            toast(texts.saved);
            done();
          }}
        >
          <p>{texts.saveText}</p>
        </Confirm>
      )}
    </>
  );
}

function Fields({ formula: { weights, tiers } }: { formula: Formula }) {
  const texts = useWords(words);
  return (
    <>
      <h2>{texts.weights}</h2>
      <div class="filters">
        {PARTS.map((part) => (
          <TextField key={part} label={texts[part]} name={part} value={`${weights[part]}`} />
        ))}
      </div>
      <h2>{texts.tierBounds}</h2>
      {tiers.map(({ tier, minPriority, everyMs }) => (
        <div key={tier} class="filters">
          <TextField label={texts.minPriority(tier)} name={`${tier} from`} value={`${minPriority}`} />
          <TextField label={texts.every(tier)} name={`${tier} every`} value={`${everyMs / MINUTE_MS}`} />
        </div>
      ))}
    </>
  );
}
