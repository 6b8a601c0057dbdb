// What a command says when the embedded default isn't there, or not yet.

import { expect, test } from 'vitest';
import { connectedConfig } from '../../src/cli/connected-config.ts';
import { EXIT, exitCodeOf } from '../../src/cli/exit-codes.ts';
import { writeInstance } from '../../src/services/instance.ts';
import { identify, type ProcessIdentity } from '../../src/services/processes.ts';
import { makeHome } from '../support/home.ts';

function failure(home: string): { message: string; exitCode: number } {
  try {
    connectedConfig({ TEM_HOME: home });
  } catch (error) {
    return { message: (error as Error).message, exitCode: exitCodeOf(error) };
  }
  throw new Error('it was connected');
}

test('nothing that runs and something that still starts are told apart', async () => {
  const home = await makeHome();
  expect(failure(home)).toEqual({ message: expect.stringContaining('none runs on'), exitCode: EXIT.usage });
  writeInstance(home, {
    command: 'tem up',
    supervisor: identify(process.pid) as ProcessIdentity,
    processes: {},
    databaseUrl: 'postgres://owner:secret@127.0.0.1:5432/tem',
    temporalAddress: '',
    temporalNamespace: 'default',
    temporalCli: '',
    temporalUiUrl: '',
    apiUrl: '',
    demoPort: 0,
  });
  expect(failure(home)).toEqual({
    message: `tem up is still starting on ${home}: try again`,
    exitCode: EXIT.unreachable,
  });
});
