// The `tem` command: reads the arguments, runs one command, and turns a failure into one line and an exit code.

import { Command, CommanderError } from 'commander';
import { allSettings } from '../config.ts';
import { features } from '../features.ts';
import { packageVersion } from '../package-version.ts';
import { commandTools } from './command-tools.ts';
import { addApi } from './commands/api.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEnv } from './commands/env.ts';
import { addEvents } from './commands/events.ts';
import { addFlows } from './commands/flows.ts';
import { addKeys } from './commands/keys.ts';
import { addMigrate } from './commands/migrate.ts';
import { addSchedules } from './commands/schedules.ts';
import { addSend } from './commands/send.ts';
import { addServices } from './commands/services.ts';
import { addUp } from './commands/up.ts';
import { addWorker } from './commands/worker.ts';
import { addWorkers } from './commands/workers.ts';
import { examples } from './examples.ts';
import { EXIT, EXIT_HELP, exitCodeOf, jsonOf, messageOf } from './exit-codes.ts';

const SETTING_WIDTH = 22;

const program = new Command('tem')
  .description('Durable event workflows on Temporal and Postgres')
  .version(packageVersion())
  .showHelpAfterError("(run 'tem --help' for the commands)")
  .exitOverride()
  .addHelpText(
    'after',
    examples([
      'tem up',
      `tem send notification '{"user": "ada", "title": "Hello", "body": "from TEM"}'`,
      'tem events watch',
    ]),
  )
  .addHelpText('after', EXIT_HELP)
  .addHelpText('after', settingsHelp());
for (const add of [
  addUp,
  addApi,
  addWorker,
  addServices,
  addEnv,
  addMigrate,
  addDoctor,
  addSend,
  addEvents,
  addFlows,
  addKeys,
  addSchedules,
  addWorkers,
])
  add(program);
for (const { commands = [] } of features) {
  for (const { name, description, load } of commands) {
    const command = program.command(name).description(description);
    // Only the one that is called, or asked for its help, is loaded.
    if (process.argv.slice(2).includes(name)) (await load())(command, commandTools);
  }
}

// A reader that went away, such as head, is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.failed),
);

try {
  await program.parseAsync(process.argv);
  finish(EXIT.done);
} catch (error) {
  if (error instanceof CommanderError) finish(error.exitCode === 0 ? EXIT.done : EXIT.usage);
  else {
    process.stderr.write(`${process.argv.includes('--json') ? jsonOf(error) : textOf(error)}\n`);
    finish(exitCodeOf(error));
  }
}

function textOf(error: unknown): string {
  return messageOf(error)
    .split('\n')
    .map((line) => `tem: ${line}`)
    .join('\n');
}

function settingsHelp(): string {
  const own = Object.entries(allSettings()).map(([name, words]) => `  ${name.padEnd(SETTING_WIDTH)}  ${words}`);
  return `
Settings are environment variables:
  DATABASE_URL            a Postgres of your own, 14 to 18 (an embedded one is started)
  TEMPORAL_ADDRESS        a Temporal of your own, host:port (an embedded one is started); further TEMPORAL_* variables
                          (NAMESPACE, API_KEY, TLS_*, ...) as the Temporal CLI names them
${own.join('\n')}
`;
}

/** Ends the process once what it wrote has left it: a pipe takes less at a time than a page of events has. */
function finish(exitCode: number): void {
  process.exitCode = exitCode;
  process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
}
