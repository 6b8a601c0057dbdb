// `tem keys`: who may call the API. A key is printed once, when it is made.

import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import { type ApiClient, createApiClient } from '../api-client.ts';
import { examples } from '../examples.ts';
import { CommandError, EXIT, EXIT_HELP } from '../exit-codes.ts';

interface KeyAnswer {
  id: string;
  name: string;
  role: string;
  scopes: { types?: string[]; groups?: string[] } | null;
  payloads: boolean;
  lastUsedAt: string | null;
  expiresAt: string | null;
}

interface CreateOptions {
  role: string;
  types?: string;
  groups?: string;
  payloads?: boolean;
  expiresIn?: string;
  json?: boolean;
}

const PAGE = 1_000;

export function addKeys(program: Command): void {
  const keys = program
    .command('keys')
    .description('list, create, rotate and revoke API keys')
    .addHelpText(
      'after',
      examples([
        'tem keys',
        'tem keys create shop-backend --role operator --types webhook',
        'tem keys revoke shop-backend',
      ]) + EXIT_HELP,
    );
  keys
    .command('list', { isDefault: true })
    .description('the keys that are taken, newest first; not the one of TEM_ADMIN_KEY')
    .option('--json', 'print {"keys": [...]}')
    .addHelpText('after', examples(['tem keys', 'tem keys list --json']))
    .action(async ({ json }: { json?: boolean }) => {
      const all = await allKeys(client());
      if (json) return void process.stdout.write(`${JSON.stringify({ keys: all })}\n`);
      process.stdout.write(`${all.map(keyLine).join('\n') || 'no keys but that of TEM_ADMIN_KEY'}\n`);
    });
  keys
    .command('create <name>')
    .description('make a key and print it, this once')
    .requiredOption('--role <viewer, operator or admin>')
    .option('--types <types>', 'only events of these types, separated by commas')
    .option('--groups <groups>', 'only events of these groups, separated by commas')
    .option('--payloads', 'it is shown what events hold (operators and admins are)')
    .option('--no-payloads', 'it is not shown what events hold (viewers are not)')
    .option('--expires-in <time>', 'such as 90d; without it, never')
    .option('--json', 'print the answer')
    .addHelpText('after', examples(['tem keys create dashboard --role viewer --expires-in 90d']))
    .action(create);
  keys
    .command('rotate <name>')
    .description('make another key of the same rights and print it; the old one is taken for a while more')
    .option('--grace <time>', 'how long (1h)')
    .option('--json', 'print the answer')
    .addHelpText('after', examples(['tem keys rotate dashboard --grace 24h']))
    .action(async (name: string, { grace, json }: { grace?: string; json?: boolean }) => {
      const api = client();
      const { id } = await named(api, name);
      const { body } = await api.request('POST', `/v1/keys/${id}/rotate`, JSON.stringify({ ...(grace && { grace }) }));
      printKey(body, json);
    });
  keys
    .command('revoke <name>')
    .description('end a key, and the sessions of who signed in by it')
    .addHelpText('after', examples(['tem keys revoke dashboard']))
    .action(async (name: string) => {
      const api = client();
      await api.request('DELETE', `/v1/keys/${(await named(api, name)).id}`);
      process.stdout.write('revoked\n');
    });
}

function client(): ApiClient {
  return createApiClient(readConfig(process.env));
}

async function create(name: string, options: CreateOptions): Promise<void> {
  const { role, payloads, expiresIn, json } = options;
  const [types, groups] = [options.types, options.groups].map((list) => list?.split(',').map((item) => item.trim()));
  const scopes = { ...(types && { types }), ...(groups && { groups }) };
  const wanted = {
    ...{ name, role },
    ...((types || groups) && { scopes }),
    ...(payloads !== undefined && { payloads }),
    ...(expiresIn !== undefined && { expiresIn }),
  };
  const { body } = await client().request('POST', '/v1/keys', JSON.stringify(wanted));
  printKey(body, json);
}

async function allKeys(api: ApiClient): Promise<KeyAnswer[]> {
  const all: KeyAnswer[] = [];
  for (let cursor: unknown = ''; typeof cursor === 'string'; ) {
    const query = new URLSearchParams({ limit: String(PAGE), ...(cursor !== '' && { cursor }) });
    const { body } = await api.request('GET', `/v1/keys?${query}`);
    all.push(...(body.keys as KeyAnswer[]));
    cursor = body.nextCursor;
  }
  return all;
}

/** By its name or its id. */
async function named(api: ApiClient, name: string): Promise<KeyAnswer> {
  const found = (await allKeys(api)).find((key) => key.name === name || key.id === name);
  if (!found) throw new CommandError(EXIT.refused, `there is no key ${name}; tem keys lists them`);
  return found;
}

function printKey(body: Record<string, unknown>, json: boolean | undefined): void {
  process.stdout.write(json ? `${JSON.stringify(body)}\n` : `${body.key}\n`);
}

/** One line; text that others chose must not move the cursor. */
function keyLine({ name, role, scopes, payloads, lastUsedAt, expiresAt }: KeyAnswer): string {
  const parts = [
    role,
    ...(scopes?.types ? [`types ${scopes.types.join(', ')}`] : []),
    ...(scopes?.groups ? [`groups ${scopes.groups.join(', ')}`] : []),
    payloads ? 'sees payloads' : 'sees no payloads',
    lastUsedAt === null ? 'never used' : `used ${lastUsedAt}`,
    ...(expiresAt === null ? [] : [`ends ${expiresAt}`]),
  ];
  return `${name}  ${parts.join('; ')}`.replace(/\p{Cc}/gu, ' ');
}
