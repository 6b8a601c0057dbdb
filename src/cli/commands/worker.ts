// `tem worker`: one worker process (relay, Temporal worker, reconciler's watchdog), as many beside each other as needed.

import type { Command } from 'commander';
import type { Config } from '../../config.ts';
import { announceSecrets } from '../../services/shared-secrets.ts';
import { servingConfig } from '../connected-config.ts';
import { watchEventLoop } from '../event-loop-watch.ts';
import { examples } from '../examples.ts';
import { CommandError, EXIT } from '../exit-codes.ts';
import { createLog } from '../log.ts';
import { untilTooLarge } from '../memory-watch.ts';
import { serviceStopSignal, tellReady, untilAborted } from '../stopping.ts';

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
      const signal = serviceStopSignal(() => process.exit(1));
      const given = servingConfig(process.env);
      const config = { ...given, worker: { ...given.worker, features: await chooseFeatures(options, given) } };
      const { startWorker } = await import('../../workers/process.ts');
      // It may wait for a Temporal or a ledger that is away, and has taken nothing yet that it would have to hand back.
      const log = await createLog(config, 'worker');
      const { endOnStrayFailures } = await import('../stray-failures.ts');
      endOnStrayFailures(log);
      // Before anybody's modules are loaded: one of them may block at its top.
      const watch = watchEventLoop('worker', config.eventLoopTimeoutMs, log);
      const worker = await Promise.race([startWorker(config, log), untilAborted(signal)]);
      if (!worker) return;
      watch.started();
      tellReady({ id: worker.id });
      void announceSecrets(config, log);
      const tooLarge = untilTooLarge(config.worker.maxRssMb, log);
      const why = await Promise.race([untilAborted(signal), worker.shutdown, tooLarge]);
      await worker.stop();
      if (why === 'too large') throw new CommandError(EXIT.tooLarge, 'ended to be started anew');
    });
}

/** The names of the option, else those of TEM_FEATURES; undefined: all. */
async function chooseFeatures(options: { features?: string }, given: Config): Promise<string[] | undefined> {
  const named = options.features
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const { features } = await import('../../features.ts');
  const { chosenFeatures } = await import('../../workers/chosen-features.ts');
  const names = named ?? given.worker.features;
  const chosen = chosenFeatures(names, features, named === undefined ? 'TEM_FEATURES' : '--features');
  return names && chosen.map(({ name }) => name);
}
