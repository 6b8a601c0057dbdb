// The short line under `tem up` that shows what happens: counts by state. It is rewritten in place on a terminal; in a
// file or a pipe it is a plain line, and only when something has changed.

const REFRESH_MS = 1_000;
const ANSWER_WITHIN_MS = 5_000;
const PLAIN_EVERY_MS = 10_000;
const COLUMNS_UNKNOWN = 80;
const CLEAR_LINE = '\r\u001b[2K';

interface LiveLineOptions {
  apiUrl: string;
  adminKey: string;
  output: NodeJS.WriteStream;
}

/** Starts the line; the function that it returns ends it. */
export function startLiveLine({ apiUrl, adminKey, output }: LiveLineOptions): () => void {
  let last = '';
  let asking = false;
  const show = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    const line = await readCounts(apiUrl, adminKey);
    asking = false;
    if (stopped) return;
    if (output.isTTY) output.write(`${CLEAR_LINE}${line.slice(0, (output.columns || COLUMNS_UNKNOWN) - 1)}`);
    else if (line !== last) output.write(`${line}\n`);
    last = line;
  };
  let stopped = false;
  const timer = setInterval(() => void show(), output.isTTY ? REFRESH_MS : PLAIN_EVERY_MS);
  void show();
  return () => {
    stopped = true;
    clearInterval(timer);
    if (output.isTTY) output.write('\n');
  };
}

async function readCounts(apiUrl: string, adminKey: string): Promise<string> {
  try {
    const response = await fetch(`${apiUrl}/v1/stats`, {
      headers: { authorization: `Bearer ${adminKey}` },
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    if (!response.ok) return `The API answers ${response.status}: see its log`;
    const { states, workers } = (await response.json()) as {
      states: Record<string, number>;
      workers: { alive: number };
    };
    const counts = Object.entries(states).map(
      ([state, count]) => `${state.toLowerCase()} ${count.toLocaleString('en')}`,
    );
    return `${counts.join('  ')}  |  ${workers.alive} ${workers.alive === 1 ? 'worker' : 'workers'}`;
  } catch (error) {
    return `The API doesn't answer (${(error as Error).message})`;
  }
}
