// `tem reports`: definitions, runs and what became of them, for people at a shell.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { CommandTools } from '../../core/feature.ts';

type Answer = Record<string, unknown>;

const STDIN_FILE = 0;

export function reportCommands(reports: Command, tools: CommandTools): void {
  reports.addHelpText(
    'after',
    tools.helpEnd([
      'tem reports put orders @orders.json',
      `tem reports run orders --dry-run --parameters '{"since": "2027-01-25"}'`,
      'tem reports run events-of-the-last-day',
      'tem reports deliveries events-of-the-last-day',
    ]),
  );
  reports
    .command('list', { isDefault: true })
    .description('all reports')
    .action(async () => {
      for (const report of await all(tools, '/v1/reports', 'reports')) {
        say(`${report.id}\t${report.format}\t${report.source}\t${report.title}`);
      }
    });
  reports
    .command('show <id>')
    .description('a definition as JSON, as put takes it')
    .action(async (id: string) => {
      const { body } = await tools.api().request('GET', path(id));
      const { id: _, createdAt: __, updatedAt: ___, ...definition } = body;
      say(JSON.stringify(definition, null, 2));
    });
  reports
    .command('put <id> <definition>')
    .description('create or replace one: JSON, @file or - for stdin')
    .action(async (id: string, definition: string) => {
      const { status } = await tools.api().request('PUT', path(id), textOf(tools, definition));
      say(`${id} ${status === 201 ? 'created' : 'changed'}`);
    });
  reports
    .command('delete <id>')
    .description('delete a definition; its deliveries stay')
    .action(async (id: string) => {
      await tools.api().request('DELETE', path(id));
      say(`${id} is deleted`);
    });
  reports
    .command('run <id>')
    .description('run it now')
    .option('--parameters <json>', 'values by name')
    .option('--to <addresses...>', 'these recipients instead of the definition’s')
    .option('--dry-run', 'show columns and first rows, and send nothing')
    .action(async (id: string, options: { parameters?: string; to?: string[]; dryRun?: boolean }) => {
      const body = JSON.stringify({
        ...(options.parameters !== undefined && { parameters: jsonOf(tools, options.parameters) }),
        ...(options.to && { recipients: options.to }),
        ...(options.dryRun && { dryRun: true }),
      });
      const { body: answer } = await tools.api().request('POST', `${path(id)}/run`, body);
      if (options.dryRun) sayRows(answer);
      else say(`${answer.event} accepted`);
    });
  reports
    .command('deliveries <id>')
    .description('what became of its runs, newest first')
    .option('--json', 'print what the API answers')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const { body } = await tools.api().request('GET', `${path(id)}/deliveries`);
      if (json) return say(JSON.stringify(body));
      for (const delivery of body.deliveries as Answer[]) sayDelivery(delivery);
    });
}

function sayRows(answer: Answer): void {
  say((answer.columns as Answer[]).map(({ name }) => name).join('\t'));
  for (const row of answer.rows as (string | null)[][]) say(row.map((value) => value ?? '').join('\t'));
}

function sayDelivery({ id, createdAt, state, rows, bytes, note, error, recipients }: Answer): void {
  say([createdAt, state, `${rows ?? '-'} rows`, `${bytes ?? '-'} bytes`, id, error ?? note ?? ''].join('\t'));
  for (const { address, state: its, tries, code, detail } of recipients as Answer[]) {
    say(`  ${address}\t${its}\t${tries} tries\t${code ?? ''} ${detail ?? ''}`);
  }
}

async function all(tools: CommandTools, list: string, name: string): Promise<Answer[]> {
  const found: Answer[] = [];
  const api = tools.api();
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body }: { body: Answer } = await api.request(
      'GET',
      `${list}${cursor && `?cursor=${encodeURIComponent(cursor)}`}`,
    );
    found.push(...(body[name] as Answer[]));
    cursor = body.nextCursor as string | null;
  }
  return found;
}

function path(id: string): string {
  return `/v1/reports/${encodeURIComponent(id)}`;
}

function textOf(tools: CommandTools, argument: string): string {
  if (argument !== '-' && !argument.startsWith('@')) return argument;
  try {
    return readFileSync(argument === '-' ? STDIN_FILE : argument.slice(1), 'utf8');
  } catch (error) {
    throw tools.failure('usage', `the definition can't be read: ${(error as Error).message}`);
  }
}

function jsonOf(tools: CommandTools, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw tools.failure('usage', `the parameters are not JSON: ${(error as Error).message}`);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
