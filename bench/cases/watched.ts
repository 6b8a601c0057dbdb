// What it costs the pipeline to be watched: figures scraped each second over a large ledger, traces, and a collector that never
// takes them. Turns alternate, because the machine's own rate drifts by more than what is looked for.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApiClient } from '../api-client.ts';
import { type BenchCase, spreadOf } from '../figures.ts';
import { checkAll, untilAllEnded } from '../ledger.ts';
import { events, notificationEvent } from '../payloads.ts';
import { startTem, type Tem } from '../tem.ts';

const LEDGER_EVENTS = 1_000_000;
const TURN_EVENTS = 10_000;
const TURNS = 5;
const USERS = 1_000;
const SCRAPE_EVERY_MS = 1_000;
const TIMEOUT_MS = 300_000;
const TARGET = { atLeast: 0.97 };

type Kind = 'quiet' | 'scraped' | 'traced' | 'hanging';
const KINDS: readonly Kind[] = ['quiet', 'scraped', 'traced', 'hanging'];

export const watched: BenchCase = {
  id: 'watched',
  title: 'What it costs to be watched',
  about:
    'Turns of 10,000 notifications, accepted while no worker runs, over a ledger of 1,000,000 ended events: quiet, with `GET /metrics` scraped each second, with traces to a collector that takes them, and to one that never answers. From the first to the last PROCESSED by `processed_at`; the ratios are of the medians of 5 turns each, in turns.',
  runsByDefault: 1,
  figures: [
    { id: 'quiet', label: 'quiet', unit: 'events/s' },
    { id: 'scraped', label: 'scraped each second', unit: 'events/s' },
    { id: 'traced', label: 'with traces', unit: 'events/s' },
    { id: 'hanging', label: 'with a collector that hangs', unit: 'events/s' },
    { id: 'scrapedRatio', label: 'scraped to quiet', unit: 'times', target: TARGET },
    { id: 'tracedRatio', label: 'with traces to quiet', unit: 'times' },
    { id: 'hangingRatio', label: 'with a collector that hangs to one that takes', unit: 'times', target: TARGET },
    { id: 'scrape', label: 'a scrape, median', unit: 'ms' },
  ],
  async run(context) {
    const tem = await startTem(context, { worker: false });
    const collectors = { traced: await startCollector(true), hanging: await startCollector(false) };
    try {
      await fill(tem, context.count(LEDGER_EVENTS, 5_000));
      const size = context.count(TURN_EVENTS, 1_000);
      const rates: Record<Kind, number[]> = { quiet: [], scraped: [], traced: [], hanging: [] };
      const scrapesMs: number[] = [];
      await turn(tem, size);
      for (let n = 0; n < context.count(TURNS, 1); n += 1) {
        // Each kind is first, second and third as often as the others.
        for (const kind of KINDS.map((_, index) => KINDS[(index + n) % KINDS.length] as Kind)) {
          const ended = kind === 'scraped' ? scrapeEachSecond(tem.apiUrl, scrapesMs) : undefined;
          const collector = kind === 'traced' || kind === 'hanging' ? collectors[kind].url : undefined;
          rates[kind].push(await turn(tem, size, collector));
          await ended?.();
        }
      }
      const medians = Object.fromEntries(KINDS.map((kind) => [kind, spreadOf(rates[kind]).median]));
      const { quiet = Number.NaN, scraped = Number.NaN, traced = Number.NaN, hanging = Number.NaN } = medians;
      return {
        figures: {
          ...medians,
          scrapedRatio: scraped / quiet,
          tracedRatio: traced / quiet,
          hangingRatio: hanging / traced,
          scrape: spreadOf(scrapesMs).median,
        },
        notes: { scrapes: scrapesMs.length, 'spread of quiet turns': spreadWords(rates.quiet) },
      };
    } finally {
      for (const collector of Object.values(collectors)) collector.close();
      await tem.stop();
    }
  },
};

function spreadWords(values: readonly number[]): string {
  const { minimum, maximum } = spreadOf(values);
  return `${minimum.toFixed(0)} to ${maximum.toFixed(0)} events/s`;
}

/** Ended events, as retention keeps them. */
async function fill({ pool }: Tem, count: number): Promise<void> {
  await pool.query(
    `insert into tem.event (type, key, payload, state, due_at, processed_at, updated_at)
     select 'old', n::text, '{"n": 1}', 'PROCESSED', null, now() - interval '1 day', now() - interval '1 day'
       from generate_series(1, $1::int) n`,
    [count],
  );
  await pool.query('vacuum analyze tem.event');
}

/** Resolves to the rate of one turn, with a worker of its own. */
async function turn(tem: Tem, count: number, collectorUrl?: string): Promise<number> {
  const api = createApiClient(tem.apiUrl);
  try {
    await tem.pool.query(`delete from tem.event where type = 'notification'`);
    await api.postBatches(events(count, (index) => notificationEvent(`user-${index % USERS}`)));
    await tem.startWorker(collectorUrl === undefined ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl });
    await untilAllEnded(tem.pool, TIMEOUT_MS);
    await checkAll(tem.pool, 'notification', 'PROCESSED', count);
    await tem.stopWorker();
    const { rows } = await tem.pool.query<{ seconds: number }>(
      `select extract(epoch from max(processed_at) - min(processed_at))::float8 as seconds
         from tem.event where type = 'notification'`,
    );
    return count / (rows[0]?.seconds ?? Number.NaN);
  } finally {
    await api.close();
  }
}

/** Until what it returns is called. */
function scrapeEachSecond(apiUrl: string, tookMs: number[]): () => Promise<void> {
  let scraping: Promise<void> = Promise.resolve();
  const scrape = async (): Promise<void> => {
    const beganMs = performance.now();
    const response = await fetch(`${apiUrl}/metrics`);
    if (!response.ok || !(await response.text()).includes('tem_events{')) throw new Error('the figures are missing');
    tookMs.push(performance.now() - beganMs);
  };
  const timer = setInterval(() => {
    scraping = scraping.then(scrape);
    scraping.catch(() => {});
  }, SCRAPE_EVERY_MS);
  return async () => {
    clearInterval(timer);
    await scraping;
  };
}

async function startCollector(answers: boolean): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    request.resume();
    if (answers) request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
