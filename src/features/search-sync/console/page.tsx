// Search sync on one page: the queue's figures, what is wrong and what to do, the mapped tables, and the queue itself.

import {
  call,
  durationText,
  Facts,
  Failed,
  Figures,
  general,
  Heading,
  Loading,
  numberText,
  problemText,
  Time,
  type Tone,
  useLive,
  useSession,
  useWords,
} from '../../../../console/index.ts';
import { QueueActions } from './actions.tsx';
import { Jobs } from './jobs.tsx';
import { Mappings } from './mappings.tsx';
import { words } from './words.ts';

export interface Detailed {
  target: { ok: boolean; product: string | null; version: string | null; latencyMs: number | null; detail?: string };
  queue: {
    total: number;
    pending: number;
    processing: number;
    completed: number;
    failed: number;
    stuck: number;
    avgProcessingTime: number;
    lastProcessedAt: string | null;
    oldestPendingSeconds: number;
    status: 'healthy' | 'degraded' | 'unhealthy';
    issues: string[];
    recommendations: string[];
    errorRate: number;
  };
}

const EVERY_MS = 10_000;
const TONES: Record<Detailed['queue']['status'], Tone> = { healthy: 'good', degraded: 'warning', unhealthy: 'bad' };

export function Page() {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const live = useLive('search', (signal) => call<Detailed>('GET', '/api/v1/health/detailed', { signal }), {
    everyMs: EVERY_MS,
  });
  const known = live.value;
  if (!known) {
    return live.problem ? <Failed text={problemText(live.problem, generalTexts)} again={live.refresh} /> : <Loading />;
  }
  const isOff = !known.target.ok && known.target.detail?.startsWith('search sync is off') === true;
  return (
    <>
      <Heading title={texts.title} live={live}>
        {!isOff && <QueueActions queue={known.queue} done={live.refresh} />}
      </Heading>
      {isOff && (
        <div class="state">
          <h2>{texts.offTitle}</h2>
          <p>{texts.offText}</p>
        </div>
      )}
      {!isOff && <Shown known={known} />}
    </>
  );
}

function Shown({ known: { queue, target } }: { known: Detailed }) {
  const texts = useWords(words);
  const { payloads } = useSession();
  const { payloadsHidden } = useWords(general);
  const toned = (count: number, tone: Tone): Tone | undefined => (count > 0 ? tone : undefined);
  return (
    <>
      <Figures
        label={texts.queue}
        figures={[
          { name: texts.total, value: numberText(queue.total) },
          { name: texts.pending, value: numberText(queue.pending) },
          { name: texts.processing, value: numberText(queue.processing), tone: toned(queue.processing, 'busy') },
          { name: texts.completed, value: numberText(queue.completed), tone: toned(queue.completed, 'good') },
          { name: texts.failed, value: numberText(queue.failed), tone: toned(queue.failed, 'bad') },
          { name: texts.stuck, value: numberText(queue.stuck), tone: toned(queue.stuck, 'bad') },
        ]}
      />
      <Figures
        label={texts.how}
        figures={[
          { name: texts.health, value: texts[queue.status], tone: TONES[queue.status] },
          { name: texts.lag, value: queue.pending === 0 ? '–' : durationText(queue.oldestPendingSeconds * 1_000) },
          { name: texts.mean, value: durationText(queue.avgProcessingTime) },
          { name: texts.errorRate, value: `${numberText(queue.errorRate, { maximumFractionDigits: 1 })} %` },
          { name: texts.last, value: <Time at={queue.lastProcessedAt} /> },
        ]}
      />
      <Facts
        facts={[
          [
            texts.target,
            target.ok
              ? texts.targetOk(target.product ?? '', target.version ?? '', numberText(target.latencyMs ?? 0))
              : target.detail,
          ],
          [texts.issues, queue.issues.length > 0 && <Lines key="issues" lines={queue.issues} />],
          [texts.todo, queue.recommendations.length > 0 && <Lines key="todo" lines={queue.recommendations} />],
        ]}
      />
      <Mappings />
      {payloads ? <Jobs /> : <p class="muted">{payloadsHidden}</p>}
    </>
  );
}

function Lines({ lines }: { lines: readonly string[] }) {
  return (
    <ul>
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}
