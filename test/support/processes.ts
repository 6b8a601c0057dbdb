// Real `tem` processes for tests: started with exactly the environment given, watched line by line, ended by pid.

import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Runs the sources through the loader, as people do who have cloned them. */
export const CLONED = fileURLToPath(new URL('../../bin/tem', import.meta.url));
/** What global-setup has built; where no test run is, the clone's. */
const BUILT = process.env.TEM_TEST_PROGRAM ?? CLONED;
const INHERITED = [
  'PATH',
  'HOME',
  'XDG_CACHE_HOME',
  'TEM_POSTGRES_BIN',
  'TMPDIR',
  'GOPROXY',
  'GOFLAGS',
  'GOPATH',
  'GOCACHE',
  'GOMODCACHE',
  'GONOPROXY',
  'GONOSUMDB',
  'GOPRIVATE',
  'GOSUMDB',
  'GOTOOLCHAIN',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
];
const ROOT = dirname(dirname(CLONED));
const STOP_GRACE_MS = 60_000;

export interface TemProcess {
  pid: number;
  /** Resolves to what the process said when it became ready (`url` of an API, `id` of a worker); throws if it ends first. */
  ready(): Promise<Record<string, unknown>>;
  /** Resolves when it has ended. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Everything written to stdout and stderr so far. */
  stdout(): string;
  stderr(): string;
  onLine(stream: 'stdout' | 'stderr', listener: (line: string) => void): void;
  kill(signal: NodeJS.Signals): void;
  /** Closes the reading ends of its output, as a `head` or a terminal that is gone. */
  stopReading(): void;
  /** SIGTERM, then SIGKILL after a minute; resolves when it has ended. */
  stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** For TEM_EVENT_TYPES: the module that global-setup has built from this file of the tests, which needs no loader. */
export function builtModule(source: URL): string {
  const path = fileURLToPath(source);
  if (BUILT === CLONED) return path;
  return join(dirname(dirname(BUILT)), relative(ROOT, path).replace(/\.ts$/, '.mjs'));
}

/** The environment of a child: what programs need to run at all, and what the test says; none of the developer's own. */
export function childEnvironment(environment: Record<string, string | undefined>): NodeJS.ProcessEnv {
  const inherited = Object.fromEntries(INHERITED.map((name) => [name, process.env[name]]));
  return Object.fromEntries(
    Object.entries({ ...inherited, ...environment }).filter(([, value]) => value !== undefined),
  );
}

/** Starts `tem` with arguments; it stops by itself when the test's process dies. */
export function startTem(
  args: string[],
  environment: Record<string, string | undefined> = {},
  { cwd, program = BUILT }: { cwd?: string; program?: string } = {},
): TemProcess {
  const child = spawn(process.execPath, [program, ...args], {
    env: childEnvironment(environment),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    ...(cwd !== undefined && { cwd }),
  });
  return watch(child, `tem ${args.join(' ')}`);
}

/** Runs `tem` to its end; resolves to its exit code and what it wrote. */
export async function runTem(
  args: string[],
  environment: Record<string, string | undefined> = {},
  input = '',
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [BUILT, ...args], {
    env: childEnvironment(environment),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const tem = watch(child, `tem ${args.join(' ')}`);
  const { code } = await tem.exited;
  return { code, stdout: tem.stdout(), stderr: tem.stderr() };
}

function watch(child: ChildProcess, name: string): TemProcess {
  const written = { stdout: '', stderr: '' };
  const listeners = { stdout: [] as ((line: string) => void)[], stderr: [] as ((line: string) => void)[] };
  for (const stream of ['stdout', 'stderr'] as const) {
    let rest = '';
    child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
      written[stream] += chunk;
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) for (const listener of listeners[stream]) listener(line);
    });
  }
  // 'close' comes after the last output, 'exit' may come before it.
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const ready = new Promise<Record<string, unknown>>((resolve, reject) => {
    child.on('message', (message: Record<string, unknown>) => {
      if (message.ready) resolve(message);
    });
    void exited.then(({ code, signal }) => {
      reject(new Error(`${name} ended (${signal ?? code}) before it was ready:\n${written.stderr}${written.stdout}`));
    });
  });
  ready.catch(() => {});
  return {
    pid: child.pid ?? 0,
    ready: () => ready,
    exited,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    onLine: (stream, listener) => void listeners[stream].push(listener),
    kill: (signal) => void child.kill(signal),
    stopReading() {
      child.stdout?.destroy();
      child.stderr?.destroy();
    },
    async stop() {
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
      const result = await exited;
      clearTimeout(force);
      return result;
    },
  };
}
