// `tem send`: one event to the API. The payload goes out as it was written, so that no number is rounded on the way.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import { createApiClient } from '../api-client.ts';
import { examples } from '../examples.ts';
import { CommandError, EXIT, EXIT_HELP } from '../exit-codes.ts';

interface SendOptions {
  key?: string;
  priority?: string;
  group?: string;
  runAt?: string;
  json?: boolean;
}

const STDIN_FILE = 0;
const HTTP_ACCEPTED = 202;

export function addSend(program: Command): void {
  program
    .command('send')
    .description('send one event')
    .argument('<type>', 'the event type, such as notification')
    .argument('<payload>', 'JSON, or - to read it from stdin, or @file')
    .option('--key <key>', 'the same type and key is the same event, however often it is sent')
    .option('--priority <1-5>', '1 is first, 3 the default')
    .option('--group <group>', 'whose event it is, for fair turns')
    .option('--run-at <time>', 'not before this time (RFC 3339)')
    .option('--json', 'print the event as JSON')
    .addHelpText(
      'after',
      examples([
        `tem send notification '{"user": "ada", "title": "Hello", "body": "from TEM"}'`,
        'tem send webhook @order.json --key order-4711 --priority 1',
        'jq -c .event dump.json | tem send webhook - --json',
      ]) + EXIT_HELP,
    )
    .action(async (type: string, payload: string, options: SendOptions) => {
      const event = eventJson(type, payloadText(payload), options);
      const api = createApiClient(readConfig(process.env));
      const { status, body } = await api.request('POST', '/v1/events', event);
      const what = status === HTTP_ACCEPTED ? 'accepted' : 'already there';
      process.stdout.write(options.json ? `${JSON.stringify(body)}\n` : `${body.id} ${what}, ${body.state}\n`);
    });
}

function eventJson(type: string, payload: string, { key, priority, group, runAt }: SendOptions): string {
  const fields = {
    type,
    ...(key !== undefined && { key }),
    ...(priority !== undefined && { priority: Number(priority) }),
    ...(group !== undefined && { group }),
    ...(runAt !== undefined && { runAt }),
  };
  return `${JSON.stringify(fields).slice(0, -1)},"payload":${payload}}`;
}

function payloadText(argument: string): string {
  const text = argument === '-' || argument.startsWith('@') ? readFrom(argument) : argument;
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    throw new CommandError(EXIT.usage, `the payload is not JSON: ${(error as Error).message}`);
  }
}

function readFrom(argument: string): string {
  try {
    return readFileSync(argument === '-' ? STDIN_FILE : argument.slice(1), 'utf8');
  } catch (error) {
    throw new CommandError(EXIT.usage, `the payload can't be read: ${(error as Error).message}`);
  }
}
