// `tem workers`: who lives, what they run and can run, and draining or ending one.

import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import type { ActiveEvent, WorkerJson } from '../../core/ledger/workers.ts';
import { createApiClient } from '../api-client.ts';
import { examples } from '../examples.ts';
import { EXIT_HELP } from '../exit-codes.ts';

const STATE_WIDTH = 8;
const COUNT_WIDTH = 6;

export function addWorkers(program: Command): void {
  const workers = program
    .command('workers')
    .description('list the workers, what they run, and drain or shut down one')
    .addHelpText(
      'after',
      examples(['tem workers', 'tem workers active', 'tem workers drain 01890a5d-ac96-774b-bcce-b302099a8057']) +
        EXIT_HELP,
    );
  const views = [
    [
      'list',
      'the workers that live, and those that left within the last hour',
      (all: WorkerJson[]) => all.map(workerLine),
    ],
    ['stats', 'what the relay of each has done since it started', (all: WorkerJson[]) => all.map(statsLine)],
    ['types', 'which event types run on how many live workers', typeLines],
  ] as const;
  for (const [name, description, lines] of views) {
    workers
      .command(name, { isDefault: name === 'list' })
      .description(description)
      .option('--json', 'print {"workers": [...]}')
      .addHelpText('after', examples([`tem workers ${name}`]))
      .action(async ({ json }: { json?: boolean }) => {
        const body = await get('/v1/workers');
        print(json, body, lines(body.workers as WorkerJson[]), 'no worker');
      });
  }
  workers
    .command('active [id]')
    .description('the attempts under way, of all workers or of one')
    .option('--json', 'print {"events": [...]}')
    .addHelpText('after', examples(['tem workers active']))
    .action(async (id: string | undefined, { json }: { json?: boolean }) => {
      const body = await get(`/v1/workers/active${id === undefined ? '' : `?worker=${encodeURIComponent(id)}`}`);
      print(json, body, (body.events as ActiveEvent[]).map(activeLine), 'nothing runs');
    });
  for (const [verb, description] of [
    ['drain', 'let one claim nothing more; what it has goes on, and it lives on'],
    ['resume', 'let a drained one claim again'],
    ['shutdown', 'end one as SIGTERM does; `tem up` then starts another'],
  ] as const) {
    workers
      .command(`${verb} <id>`)
      .description(description)
      .addHelpText('after', examples([`tem workers ${verb} 01890a5d-ac96-774b-bcce-b302099a8057`]))
      .action(async (id: string) => {
        await createApiClient(readConfig(process.env)).request('POST', `/v1/workers/${encodeURIComponent(id)}/${verb}`);
        process.stdout.write(`${id} is told to ${verb === 'shutdown' ? 'end' : verb}\n`);
      });
  }
}

async function get(path: string): Promise<Record<string, unknown>> {
  return (await createApiClient(readConfig(process.env)).request('GET', path)).body;
}

function print(json: boolean | undefined, body: unknown, lines: readonly string[], none: string): void {
  process.stdout.write(json ? `${JSON.stringify(body)}\n` : `${lines.join('\n') || none}\n`);
}

function workerLine({ id, state, host, pid, active, types, startedAt }: WorkerJson): string {
  const running = `${String(active).padStart(COUNT_WIDTH)} active`;
  return [id, state.padEnd(STATE_WIDTH), running, `${host}:${pid}`, `${types.length} types`, `since ${startedAt}`].join(
    '  ',
  );
}

function statsLine({ id, counters }: WorkerJson): string {
  const figures = Object.entries(counters).map(([name, value]) => `${name} ${value}`);
  return `${id}  ${figures.join(', ') || 'nothing yet'}`;
}

function typeLines(all: readonly WorkerJson[]): string[] {
  const counts = new Map<string, number>();
  const alive = all.filter(({ state }) => state === 'running' || state === 'draining');
  for (const type of alive.flatMap(({ types }) => types)) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([type, count]) => `${String(count).padStart(COUNT_WIDTH)}  ${type}`);
}

/** Text that others chose must not move the cursor. */
function activeLine({ worker, id, type, key, attempt, since }: ActiveEvent): string {
  const named = key === id ? [] : [key.replace(/\p{Cc}/gu, ' ')];
  return [worker.slice(0, STATE_WIDTH), id, type, ...named, `attempt ${attempt}`, `since ${since}`].join('  ');
}
