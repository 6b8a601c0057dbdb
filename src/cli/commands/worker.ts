// `tem worker`: one worker process (relay, Temporal worker, reconciler's watchdog), as many beside each other as needed.

import type { Command } from 'commander';
import { servingConfig } from '../connected-config.ts';
import { examples } from '../examples.ts';
import { CommandError, EXIT } from '../exit-codes.ts';
import { createLog } from '../log.ts';
import { stopSignal, tellReady, untilAborted } from '../stopping.ts';

export function addWorker(program: Command): void {
  program
    .command('worker')
    .description('run one worker process until SIGTERM; attempts finish or are handed back within TEM_GRACE')
    .option('--features <names>', 'run only the types of these features, separated by commas')
    .addHelpText(
      'after',
      examples(['tem worker', 'tem worker --features notifications,webhooks', 'TEM_SLOTS=80 tem worker']),
    )
    .action(async (options: { features?: string }) => {
      const signal = stopSignal(() => process.exit(1));
      const wanted = options.features === undefined ? undefined : await parseFeatures(options.features);
      const given = servingConfig(process.env);
      const config = wanted ? { ...given, worker: { ...given.worker, features: wanted } } : given;
      const { startWorker } = await import('../../workers/process.ts');
      const worker = await startWorker(config, createLog(config, 'worker'));
      tellReady({ id: worker.id });
      await Promise.race([untilAborted(signal), worker.stopped]);
      await worker.stop();
      if (!signal.aborted) throw new Error('the worker stopped by itself; its log says why');
    });
}

async function parseFeatures(value: string): Promise<string[]> {
  const { features } = await import('../../features.ts');
  const known = features.map(({ name }) => name);
  const wanted = value
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const unknown = wanted.filter((name) => !known.includes(name));
  if (wanted.length === 0 || unknown.length > 0) {
    throw new CommandError(
      EXIT.usage,
      `--features: ${unknown.join(', ') || 'nothing'} is not a feature; there are ${known.join(', ')}`,
    );
  }
  return wanted;
}
