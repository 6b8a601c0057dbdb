// `tem doctor`: prints what the checks found; exits 1 when something is wrong.

import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import { withRunningInstance } from '../../services/instance.ts';
import { examples } from '../examples.ts';
import { CommandError, EXIT, EXIT_HELP } from '../exit-codes.ts';

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check Node, the database, Temporal, the workers and the port, and say what is wrong')
    .option('--json', 'print {"ok": ..., "findings": [{"name", "ok", "detail"}]}')
    .addHelpText(
      'after',
      examples(['tem doctor', `tem doctor --json | jq '.findings[] | select(.ok | not)'`]) + EXIT_HELP,
    )
    .action(async ({ json }: { json?: boolean }) => {
      const { diagnose } = await import('../../services/doctor.ts');
      const findings = await diagnose(withRunningInstance(readConfig(process.env)), process.versions.node);
      const wrong = findings.filter(({ ok }) => !ok);
      const lines = findings.map(({ name, ok, detail }) => `${ok ? 'ok   ' : 'WRONG'}  ${name.padEnd(10)}  ${detail}`);
      process.stdout.write(
        json ? `${JSON.stringify({ ok: wrong.length === 0, findings })}\n` : `${lines.join('\n')}\n`,
      );
      if (wrong.length > 0)
        throw new CommandError(EXIT.failed, `${wrong.length} of ${findings.length} checks found something wrong`);
    });
}
