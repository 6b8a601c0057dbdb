// `tem price`: imports, checks, sweeps and their figures, deals, what other weights would do, and a demonstration.

import { createReadStream } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import type { CommandTools } from '../../core/feature.ts';
import { runDemo } from './demo/run.ts';

interface JsonOption {
  json?: boolean;
}

const ENDED = ['PROCESSED', 'EXTINCT', 'CANCELLED'];
const LOOK_EVERY_MS = 300;
const WAIT_MAX_MS = 10 * 60_000;
const REJECTED_SHOWN_MAX = 20;

export function priceCommands(price: Command, tools: CommandTools): void {
  price.addHelpText(
    'after',
    tools.helpEnd([
      'tem price import products.csv',
      'tem price check lamp-1',
      'tem price sweeps start --tier hourly',
      'tem price preview --popularity 0.4',
      'tem price demo',
    ]),
  );
  price
    .command('import <file>')
    .description('create or change products from CSV or NDJSON (a file that ends with .ndjson)')
    .option('--key <key>', 'sent again with the same key, a broken import goes on where it was')
    .option('--json', 'print what the API answers')
    .action((file: string, options: JsonOption & { key?: string }) => importFile(tools, file, options));
  price
    .command('check <products...>')
    .description('check products now and wait for what comes of it')
    .option('--json', 'print the event as JSON')
    .action((products: string[], options: JsonOption) => check(tools, products, options));
  list(price, tools, {
    name: 'checks',
    description: 'the newest checks of single products',
    path: '/v1/events?type=price.check',
    field: 'events',
    line: (event) => [event.id, event.state, text(event.payload, 'product'), event.lastError ?? ''].join('  '),
  });
  list(price, tools, {
    name: 'deals',
    description: 'the newest deals',
    path: '/v1/price/deals',
    field: 'deals',
    line: (deal) =>
      `${deal.foundAt}  ${deal.referencePrice} -> ${deal.price} ${deal.currency ?? ''} (-${deal.percent} %)  ${deal.title ?? deal.product}`,
  });
  price
    .command('statistics')
    .description('products by tier, what is due, and how checks go')
    .action(async () =>
      say(JSON.stringify((await tools.api().request('GET', '/v1/price/statistics')).body, undefined, 2)),
    );
  sweeps(price, tools);
  preview(price, tools);
  price
    .command('demo')
    .description('20 shops on this machine with 500 products each: sweeps, a deal and its notification')
    .option('--shops <n>', 'shops', '20')
    .option('--products <n>', 'products of a shop', '500')
    .option('--once', 'end after the notification, which it does where no terminal is; in one the shops stay open')
    .action((options: { shops: string; products: string; once?: boolean }) => demo(tools, options));
}

function sweeps(price: Command, tools: CommandTools): void {
  const command = price.command('sweeps').description('sweeps with progress; start, pause and resume them');
  command
    .command('list', { isDefault: true })
    .description('the newest sweeps')
    .option('--json', 'print what the API answers')
    .action(async ({ json }: JsonOption) => {
      const { body } = await tools.api().request('GET', '/v1/price/sweeps?limit=20');
      if (json) return say(JSON.stringify(body));
      for (const sweep of body.sweeps as Record<string, unknown>[])
        say(
          `${sweep.event}  ${sweep.state}  ${(sweep.tiers as string[]).join(',')}  ${sweep.checked} of ${sweep.due}, ${sweep.failed} failed, ${sweep.checksPerSecond}/s${sweep.expectedEnd ? `, ends about ${sweep.expectedEnd}` : ''}`,
        );
    });
  command
    .command('start')
    .description('check what is due now')
    .option('--tier <tier>', 'hourly, 3h, 6h, 12h or daily; all tiers without it')
    .action(async ({ tier }: { tier?: string }) => {
      const body = JSON.stringify(tier === undefined ? { all: true } : { tier });
      say(String((await tools.api().request('POST', '/v1/price/sweeps', body)).body.event));
    });
  for (const verb of ['pause', 'resume'])
    command
      .command(`${verb} <sweep>`)
      .description(`${verb} a sweep`)
      .action(async (sweep: string) => {
        const { body } = await tools.api().request('POST', `/v1/price/sweeps/${encodeURIComponent(sweep)}/${verb}`);
        say(`${body.event}  ${body.state}`);
      });
}

function preview(price: Command, tools: CommandTools): void {
  price
    .command('preview')
    .description('products of each tier, and checks an hour, as they are or with other weights')
    .option('--active-deal <weight>', 'points of an active deal (50)')
    .option('--volatility <weight>', 'weight of the volatility (0.30)')
    .option('--popularity <weight>', 'weight of the popularity (0.15)')
    .option('--recency <weight>', 'weight of the recency (0.05)')
    .action(async (given: Record<string, string>) => {
      const weights = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, Number(value)]));
      const { body } = await tools.api().request('POST', '/v1/price/formula/preview', JSON.stringify({ weights }));
      for (const [tier, products] of Object.entries(body.byTier as Record<string, number>))
        say(`${tier.padEnd(8)} ${String(products).padStart(10)} products`);
      say(`${body.checksPerHour} checks an hour`);
    });
}

async function demo(
  tools: CommandTools,
  { shops, products, once }: { shops: string; products: string; once?: boolean },
): Promise<void> {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort());
  const stays = !once && process.stdout.isTTY === true;
  await runDemo(tools, { shops: Number(shops), products: Number(products), stays, stop: stopping.signal, say });
}

async function importFile(tools: CommandTools, file: string, options: JsonOption & { key?: string }): Promise<void> {
  const contentType = file.endsWith('.ndjson') || file.endsWith('.jsonl') ? 'application/x-ndjson' : 'text/csv';
  const stream = createReadStream(file);
  const headers = { 'content-type': contentType, ...(options.key !== undefined && { 'idempotency-key': options.key }) };
  const { body } = await tools.api().upload('/v1/price/products/import', stream, headers);
  if (options.json) return say(JSON.stringify(body));
  say(`${body.created} created, ${body.updated} updated, ${body.rejectedCount} rejected`);
  for (const { line, code, detail } of (body.rejected as Record<string, unknown>[]).slice(0, REJECTED_SHOWN_MAX))
    say(`line ${line}: ${detail} [${code}]`);
}

async function check(tools: CommandTools, products: string[], { json }: JsonOption): Promise<void> {
  const api = tools.api();
  const [product = ''] = products;
  const { body } =
    products.length === 1
      ? await api.request('POST', `/v1/price/products/${encodeURIComponent(product)}/check`)
      : await api.request('POST', '/v1/price/checks', JSON.stringify({ productIds: products }));
  const giveUpAt = Date.now() + WAIT_MAX_MS;
  for (;;) {
    const event = (await api.request('GET', `/v1/events/${body.event}`)).body;
    if (ENDED.includes(String(event.state))) {
      say(
        json
          ? JSON.stringify(event)
          : `${event.state}  ${JSON.stringify(event.result) ?? ''} ${event.lastError ?? ''}`.trim(),
      );
      if (event.state !== 'PROCESSED') throw tools.failure('failed', `the check ended ${event.state}`);
      return;
    }
    if (Date.now() > giveUpAt) throw tools.failure('failed', `event ${body.event} has not ended; it goes on`);
    await pause(LOOK_EVERY_MS);
  }
}

interface Listed {
  name: string;
  description: string;
  path: string;
  field: string;
  // biome-ignore lint/suspicious/noExplicitAny: a row of an answer, by its documented names
  line: (row: any) => string;
}

function list(price: Command, tools: CommandTools, { name, description, path, field, line }: Listed): void {
  price
    .command(name)
    .description(description)
    .option('--json', 'print what the API answers')
    .action(async ({ json }: JsonOption) => {
      const { body } = await tools.api().request('GET', path);
      if (json) return say(JSON.stringify(body));
      for (const row of body[field] as unknown[]) say(line(row));
    });
}

function text(value: unknown, name: string): string {
  return String((value as Record<string, unknown> | null)?.[name] ?? '');
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
