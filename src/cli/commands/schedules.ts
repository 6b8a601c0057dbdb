// `tem schedules`: what people do with schedules, through the API.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import { createApiClient } from '../api-client.ts';
import { examples } from '../examples.ts';
import { EXIT_HELP } from '../exit-codes.ts';
import { describeSchedule, runLine, type ScheduleAnswer, scheduleLine } from './schedule-text.ts';
import { importSchedules } from './schedules-import.ts';

interface Definition {
  cron?: string;
  every?: string;
  timeZone?: string;
  type?: string;
  payload?: string;
  overlap?: string;
  catchupWindow?: string;
  jitter?: string;
  startAt?: string;
  endAt?: string;
  note?: string;
  paused?: boolean;
  json?: boolean;
}

const PAGE = 1_000;

export function addSchedules(program: Command): void {
  const schedules = program
    .command('schedules')
    .description('list, show, add, edit, pause, trigger, backfill, preview, remove, import and export schedules')
    .addHelpText(
      'after',
      examples([
        'tem schedules',
        `tem schedules add morning --cron '0 9 * * 1-5' --time-zone Europe/Berlin --type notification --payload '{"user": "ada", "title": "Good morning"}'`,
        'tem schedules pause morning --note holidays',
        `tem schedules preview --cron '30 2 * * *' --time-zone Europe/Berlin`,
        'tem schedules import crontab /etc/crontab.txt --time-zone Europe/Berlin --type job',
      ]) + EXIT_HELP,
    );
  schedules.command('list', { isDefault: true }).description('all of them').option('--json').action(list);
  schedules.command('show <id>').description('one, with its last runs').option('--json').action(show);
  definitionOptions(schedules.command('add <id>').description('create one')).action((id, options) =>
    save('POST', id, options),
  );
  definitionOptions(schedules.command('edit <id>').description('change what is given, keep the rest')).action(
    (id, options) => save('PUT', id, options),
  );
  for (const verb of ['pause', 'resume'] as const) {
    schedules
      .command(`${verb} <id>`)
      .description(verb === 'pause' ? 'nothing fires until it is resumed' : 'go on; nothing is made up for')
      .option('--note <text>')
      .option('--json')
      .action((id: string, { note, json }: { note?: string; json?: boolean }) =>
        change(`/v1/schedules/${encodeURIComponent(id)}/${verb}`, note === undefined ? {} : { note }, json),
      );
  }
  schedules.command('trigger <id>').description('fire now').option('--json').action(trigger);
  schedules
    .command('backfill <id>')
    .description('make up for times of the past that have not fired')
    .requiredOption('--from <time>')
    .requiredOption('--to <time>')
    .option('--rerun', 'also those that have fired')
    .option('--json')
    .action(backfill);
  schedules
    .command('preview')
    .description('when it would fire, with the wall clock')
    .option('--cron <line>')
    .option('--every <duration>')
    .requiredOption('--time-zone <name>')
    .option('--count <1-1000>')
    .option('--from <time>')
    .option('--json')
    .action(preview);
  schedules.command('remove <id>').description('remove one; its events stay').action(remove);
  schedules.command('export').description('all that people made, as JSON for import json').action(exportAll);
  schedules
    .command('import <format> <file>')
    .description('add schedules of a crontab, of a django-celery-beat dump (celery) or of tem schedules export (json)')
    .option('--time-zone <name>', 'of the machine or the application that they come from', 'UTC')
    .option('--type <type>', 'the event that they make; its payload is {command} or {task, args, kwargs}')
    .option('--paused', 'add them paused, to be looked at first')
    .option('--dry-run', 'only show what would be added')
    .action((format: string, file: string, options) =>
      importSchedules(client(), format, readFileSync(file, 'utf8'), options),
    );
}

function definitionOptions(command: Command): Command {
  return command
    .option('--cron <line>')
    .option('--every <duration>')
    .option('--time-zone <name>')
    .option('--type <type>')
    .option('--payload <json>')
    .option('--overlap <policy>', 'skip, bufferOne, bufferAll, cancelOther, terminateOther or allowAll')
    .option('--catchup-window <duration>')
    .option('--jitter <duration>')
    .option('--start-at <time>')
    .option('--end-at <time>')
    .option('--note <text>')
    .option('--paused')
    .option('--json');
}

function client() {
  return createApiClient(readConfig(process.env));
}

function print(json: boolean | undefined, value: unknown, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${text}\n`);
}

async function all(): Promise<ScheduleAnswer[]> {
  const found: ScheduleAnswer[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body } = await client().request(
      'GET',
      `/v1/schedules?limit=${PAGE}${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    found.push(...(body.schedules as ScheduleAnswer[]));
    cursor = body.nextCursor as string | null;
  }
  return found;
}

async function list({ json }: { json?: boolean }): Promise<void> {
  const schedules = await all();
  print(json, { schedules }, schedules.map(scheduleLine).join('\n') || 'no schedules');
}

async function show(id: string, { json }: { json?: boolean }): Promise<void> {
  const path = `/v1/schedules/${encodeURIComponent(id)}`;
  const { body: schedule } = await client().request('GET', path);
  const { body } = await client().request('GET', `${path}/runs?limit=10`);
  const runs = body.runs as Parameters<typeof runLine>[0][];
  print(json, { ...schedule, runs }, [describeSchedule(schedule as never), '', ...runs.map(runLine)].join('\n'));
}

const DEFINED = [
  'cron',
  'every',
  'timeZone',
  'type',
  'payload',
  'overlap',
  'catchupWindow',
  'jitter',
  'startAt',
  'endAt',
  'note',
];

/** What a PUT takes of what a GET gave. */
export function definitionOf(schedule: ScheduleAnswer): Record<string, unknown> {
  const members = Object.entries(schedule).filter(([name, value]) => DEFINED.includes(name) && value !== null);
  return Object.fromEntries(members);
}

async function save(method: 'POST' | 'PUT', id: string, { json, payload, ...given }: Definition): Promise<void> {
  const path = `/v1/schedules/${encodeURIComponent(id)}`;
  const before = method === 'PUT' ? definitionOf((await client().request('GET', path)).body as never) : {};
  if (given.cron !== undefined) delete before.every;
  if (given.every !== undefined) delete before.cron;
  // The payload goes out as it was written, so that no number is rounded on the way.
  const members = Object.entries({ ...before, ...given, ...(method === 'POST' && { id }) })
    .filter(([name]) => name !== 'payload' || payload === undefined)
    .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  if (payload !== undefined) members.push(`"payload":${payload}`);
  const { body } = await client().request(method, method === 'POST' ? '/v1/schedules' : path, `{${members.join(',')}}`);
  print(json, body, describeSchedule(body as never));
}

async function change(path: string, input: object, json: boolean | undefined): Promise<void> {
  const { body } = await client().request('POST', path, JSON.stringify(input));
  print(json, body, scheduleLine(body as never));
}

async function trigger(id: string, { json }: { json?: boolean }): Promise<void> {
  const { body } = await client().request('POST', `/v1/schedules/${encodeURIComponent(id)}/trigger`);
  print(json, body, `event ${body.event}`);
}

async function backfill(
  id: string,
  { json, ...range }: { json?: boolean; from: string; to: string; rerun?: boolean },
): Promise<void> {
  const { body } = await client().request(
    'POST',
    `/v1/schedules/${encodeURIComponent(id)}/backfill`,
    JSON.stringify(range),
  );
  print(json, body, `${body.nominal} times, ${body.fired} fired now, ${body.already} had fired`);
}

async function preview({ json, count, ...rhythm }: { json?: boolean; count?: string }): Promise<void> {
  const input = { ...rhythm, ...(count !== undefined && { count: Number(count) }) };
  const { body } = await client().request('POST', '/v1/schedules/preview', JSON.stringify(input));
  const runs = body.runs as { at: string; local: string; offset: string; gap: string | null; moved?: true }[];
  const lines = runs.map(
    ({ at, local, offset, gap, moved }) =>
      `${local} ${offset}  ${at}${gap === null ? '' : `  after ${gap}`}${moved ? '  moved: this day skips the time' : ''}`,
  );
  print(json, body, [String(body.words), ...lines].join('\n'));
}

async function remove(id: string): Promise<void> {
  await client().request('DELETE', `/v1/schedules/${encodeURIComponent(id)}`);
  process.stdout.write(`removed ${id}\n`);
}

async function exportAll(): Promise<void> {
  const schedules = (await all()).filter(({ origin }) => origin === 'data');
  const exported = schedules.map((schedule) => ({
    id: schedule.id,
    ...definitionOf(schedule),
    paused: schedule.paused,
  }));
  process.stdout.write(`${JSON.stringify(exported, undefined, 2)}\n`);
}
