// `tem flows`: what is set, and setting it. A change is obeyed by all workers within two seconds.

import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import { type ApiClient, createApiClient } from '../api-client.ts';
import { examples } from '../examples.ts';
import { CommandError, EXIT, EXIT_HELP } from '../exit-codes.ts';

interface FlowAnswer {
  type: string;
  group: string | null;
  paused: boolean;
  maxInFlight: number | null;
  rate: { limit: number; per: string } | null;
}

interface SetOptions {
  maxInFlight?: string;
  rate?: string;
  paused?: boolean;
  simulate?: string;
  json?: boolean;
}

const RATE = /^(\d+)\/(second|minute)$/;

export function addFlows(program: Command): void {
  const flows = program
    .command('flows')
    .description('list, set, pause and remove flow limits of types and their groups')
    .addHelpText(
      'after',
      examples(['tem flows', 'tem flows set webhook --rate 100/minute --max-in-flight 5', 'tem flows pause webhook']) +
        EXIT_HELP,
    );
  flows
    .command('list', { isDefault: true })
    .description('what is set')
    .option('--limit <1-1000>')
    .option('--cursor <cursor>', 'the next page, as the page before said')
    .option('--json', 'print {"flows": [...], "nextCursor": ...}')
    .addHelpText('after', examples(['tem flows', 'tem flows list --json']))
    .action(list);
  flows
    .command('show <type> [group]')
    .description('the limits of a type, or of one of its groups')
    .option('--json', 'print the flow')
    .addHelpText('after', examples(['tem flows show webhook', 'tem flows show price shop-7']))
    .action(async (type: string, group: string | undefined, { json }: { json?: boolean }) => {
      print(json, (await client().request('GET', pathOf(type, group))).body);
    });
  flows
    .command('set <type> [group]')
    .description('set all limits of a type or group: what is left out is none')
    .option('--rate <limit/second or limit/minute>', 'attempts that may begin, such as 100/minute')
    .option('--max-in-flight <count>', 'attempts under way at once')
    .option('--paused', 'nothing begins')
    .option('--simulate <time>', 'change nothing; say what it would have done with the last 1m to 24h of arrivals')
    .option('--json', 'print the answer')
    .addHelpText(
      'after',
      examples(['tem flows set webhook --rate 20/second', 'tem flows set webhook acme --max-in-flight 2']),
    )
    .action(set);
  for (const [verb, paused] of [
    ['pause', true],
    ['resume', false],
  ] as const) {
    flows
      .command(`${verb} <type> [group]`)
      .description(paused ? 'let nothing begin; the other limits stay' : 'end a pause; the other limits stay')
      .option('--json', 'print the flow')
      .addHelpText('after', examples([`tem flows ${verb} webhook`]))
      .action((type: string, group: string | undefined, options: { json?: boolean }) =>
        pause(type, group, paused, options),
      );
  }
  flows
    .command('remove <type> [group]')
    .description('take the limits away')
    .addHelpText('after', examples(['tem flows remove webhook']))
    .action(async (type: string, group: string | undefined) => {
      await client().request('DELETE', pathOf(type, group));
      process.stdout.write('removed\n');
    });
}

function client(): ApiClient {
  return createApiClient(readConfig(process.env));
}

async function list({ json, ...query }: { limit?: string; cursor?: string; json?: boolean }): Promise<void> {
  const { body } = await client().request('GET', `/v1/flows?${new URLSearchParams(query)}`);
  if (json) return void process.stdout.write(`${JSON.stringify(body)}\n`);
  const lines = (body.flows as FlowAnswer[]).map(flowLine);
  if (body.nextCursor !== null) lines.push(`more: --cursor ${body.nextCursor}`);
  process.stdout.write(`${lines.join('\n') || 'no flow is set: nothing is limited'}\n`);
}

async function set(type: string, group: string | undefined, options: SetOptions): Promise<void> {
  const { rate, maxInFlight, paused = false, simulate, json } = options;
  const parsed = rate === undefined ? undefined : RATE.exec(rate);
  if (parsed === null) throw new CommandError(EXIT.usage, `--rate ${rate}: write it as 100/minute or 20/second`);
  const flow = {
    paused,
    ...(maxInFlight !== undefined && { maxInFlight: Number(maxInFlight) }),
    ...(parsed && { rate: { limit: Number(parsed[1]), per: parsed[2] } }),
  };
  const query = simulate === undefined ? '' : `?${new URLSearchParams({ simulate })}`;
  const { body } = await client().request('PUT', pathOf(type, group) + query, JSON.stringify(flow));
  if (simulate === undefined) print(json, body);
  else process.stdout.write(`${JSON.stringify(body, undefined, json ? undefined : 2)}\n`);
}

async function pause(
  type: string,
  group: string | undefined,
  paused: boolean,
  { json }: { json?: boolean },
): Promise<void> {
  const api = client();
  const { maxInFlight, rate } = (await api.request('GET', pathOf(type, group))).body;
  const { body } = await api.request('PUT', pathOf(type, group), JSON.stringify({ paused, maxInFlight, rate }));
  print(json, body);
}

function pathOf(type: string, group: string | undefined): string {
  return ['/v1/flows', type, ...(group === undefined ? [] : [group])]
    .map((part, index) => (index === 0 ? part : encodeURIComponent(part)))
    .join('/');
}

function print(json: boolean | undefined, body: Record<string, unknown>): void {
  process.stdout.write(json ? `${JSON.stringify(body)}\n` : `${flowLine(body as unknown as FlowAnswer)}\n`);
}

/** One line; text that others chose must not move the cursor. */
function flowLine({ type, group, paused, maxInFlight, rate }: FlowAnswer): string {
  const limits = [
    ...(paused ? ['paused'] : []),
    ...(maxInFlight === null ? [] : [`${maxInFlight} in flight`]),
    ...(rate ? [`${rate.limit} a ${rate.per}`] : []),
  ];
  const name = group === null ? type : `${type} ${group.replace(/\p{Cc}/gu, ' ')}`;
  return `${name}  ${limits.join(', ') || 'no limits'}`;
}
