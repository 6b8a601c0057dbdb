// Makes the SDK start its workflow threads without its promise hook. The SDK has no setting for it, so its threads are
// recognised by their file; everything else that starts threads is left alone.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { WorkerOptions } from 'node:worker_threads';

const SDK_THREAD = 'workflow-worker-thread';

let installed = false;

/** Call once, before the first Temporal worker is made. */
export function leanWorkflowThreads(): void {
  if (installed) return;
  installed = true;
  // The SDK is CommonJS and looks the class up on this object when it starts a thread.
  const threads = createRequire(import.meta.url)('node:worker_threads') as typeof import('node:worker_threads');
  const preload = fileURLToPath(new URL('./workflow-thread.cjs', import.meta.url));
  threads.Worker = class extends threads.Worker {
    constructor(file: string | URL, options?: WorkerOptions) {
      const lean = String(file).includes(SDK_THREAD);
      super(file, lean ? { ...options, execArgv: ['--require', preload] } : options);
    }
  };
}
