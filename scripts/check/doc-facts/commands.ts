// What the `tem` command offers, asked of its commands themselves (src/cli/commands and those of features): no process is started for it.

import { readdirSync } from 'node:fs';
import { Command } from 'commander';
import { commandTools } from '../../../src/cli/command-tools.ts';
import { features } from '../../../src/features.ts';

export interface Offer {
  commands: Map<string, Offer>;
  options: Set<string>;
}

const FOLDER = new URL('../../../src/cli/commands/', import.meta.url);

/** The commands of `tem` with their options and what is below them. */
export async function readOffer(): Promise<Offer> {
  const program = new Command('tem');
  for (const file of readdirSync(FOLDER)) {
    const module = (await import(new URL(file, FOLDER).href)) as Record<string, unknown>;
    for (const [name, add] of Object.entries(module)) {
      if (/^add[A-Z]/.test(name) && typeof add === 'function') add(program);
    }
  }
  for (const { name, description, load } of features.flatMap((feature) => feature.commands ?? [])) {
    (await load())(program.command(name).description(description), commandTools);
  }
  return offerOf(program);
}

function offerOf(command: Command): Offer {
  const options = command.options.flatMap(({ short, long }) => [short, long]).filter((name) => name !== undefined);
  return {
    commands: new Map(command.commands.map((each) => [each.name(), offerOf(each)])),
    options: new Set([...options, '-h', '--help']),
  };
}
