// One Elasticsearch or OpenSearch: which of the two it is, asked of itself, and its official client. Requests and answers
// are text: the clients' own JSON would round numbers (rule 24).

import type { TargetSettings } from '../settings.ts';

export type Product = 'elasticsearch' | 'opensearch';

export interface Answer {
  status: number;
  /** As it came. */
  text: string;
}

export interface Request {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  /** Each step of the path; they are encoded here. */
  path: readonly string[];
  query?: Record<string, string>;
  body?: string;
  /** The body has a line for each action. */
  lines?: boolean;
  withinMs?: number;
}

export interface Target {
  name: string;
  /** Every answer that the target gives, whatever its status. Throws TargetAway when it gives none. */
  request(request: Request): Promise<Answer>;
  /** What it says it is. Throws TargetAway. */
  describe(): Promise<{ product: Product; version: string }>;
  close(): Promise<void>;
}

/** The target gave no answer, or none that makes sense: nothing is known about what it did. */
export class TargetAway extends Error {
  override readonly name = 'TargetAway';
}

const REQUEST_WITHIN_MS = 60_000;
const DESCRIBE_WITHIN_MS = 5_000;
const DETAIL_LENGTH_MAX = 300;
/** Answers of any of these are the caller's to judge, not the client's to throw. */
const STATUSES = Array.from({ length: 200 }, (_, index) => 400 + index);

type Send = (request: Request) => Promise<Answer>;

interface Connected {
  send: Send;
  close(): Promise<void>;
}

/** Connects at the first request, and asks again after a failure. */
export function createTarget(settings: TargetSettings): Target {
  let connected: Promise<Connected & { product: Product; version: string }> | undefined;
  const connection = () => {
    connected ??= connect(settings).catch((error: unknown) => {
      connected = undefined;
      throw error;
    });
    return connected;
  };
  return {
    name: settings.name,
    async request(request) {
      const { send } = await connection();
      return send(request);
    },
    async describe() {
      const { send } = await connection();
      return readDescription(await send({ method: 'GET', path: [], withinMs: DESCRIBE_WITHIN_MS }), settings);
    },
    async close() {
      const last = connected;
      connected = undefined;
      await last?.then(
        ({ close }) => close(),
        () => {},
      );
    },
  };
}

async function connect(settings: TargetSettings): Promise<Connected & { product: Product; version: string }> {
  // The OpenSearch client asks both: it doesn't look at who answers.
  const first = await openSearch(settings);
  try {
    const described = readDescription(
      await first.send({ method: 'GET', path: [], withinMs: DESCRIBE_WITHIN_MS }),
      settings,
    );
    if (described.product === 'opensearch') return { ...first, ...described };
    await first.close();
    return { ...(await elasticsearch(settings)), ...described };
  } catch (error) {
    await first.close();
    throw error;
  }
}

function readDescription({ status, text }: Answer, { url }: TargetSettings): { product: Product; version: string } {
  const where = new URL(url).host;
  if (status === 401 || status === 403) {
    throw new TargetAway(`${where} refuses TEM's user or key (${status}): check TEM_SEARCH_URL and TEM_SEARCH_API_KEY`);
  }
  const version = parse(text)?.version as { number?: unknown; distribution?: unknown } | undefined;
  if (status !== 200 || typeof version?.number !== 'string') {
    throw new TargetAway(`${where} answers ${status}, but not as Elasticsearch or OpenSearch do`);
  }
  return {
    product: version.distribution === 'opensearch' ? 'opensearch' : 'elasticsearch',
    version: version.number,
  };
}

/** An answer's JSON; only for answers without documents. */
export function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** What a target says is wrong, for a person, in one line. */
export function complaint({ status, text }: Answer): string {
  const error = parse(text)?.error as { type?: unknown; reason?: unknown } | string | undefined;
  const said = typeof error === 'string' ? error : error && `${error.type}: ${error.reason}`;
  return `${status} ${said ?? text}`.replaceAll(/\s+/g, ' ').slice(0, DETAIL_LENGTH_MAX);
}

function pathOf(steps: readonly string[]): string {
  return `/${steps.map(encodeURIComponent).join('/')}`;
}

function away(error: unknown, { url }: TargetSettings): TargetAway {
  const { message, name } = error as Error;
  return new TargetAway(
    `${new URL(url).host} can't be reached: ${name === 'TimeoutError' ? 'no answer in time' : message}`,
    {
      cause: error,
    },
  );
}

function credentials({ url, apiKey }: TargetSettings): { node: string; auth?: { username: string; password: string } } {
  const parsed = new URL(url);
  const [username, password] = [decodeURIComponent(parsed.username), decodeURIComponent(parsed.password)];
  parsed.username = '';
  parsed.password = '';
  return { node: parsed.href, ...(username !== '' && apiKey === undefined && { auth: { username, password } }) };
}

async function openSearch(settings: TargetSettings): Promise<Connected> {
  const { Client } = await import('@opensearch-project/opensearch');
  const { node, auth } = credentials(settings);
  const client = new Client({
    node,
    ...(auth && { auth }),
    ...(settings.apiKey && { headers: { authorization: `ApiKey ${settings.apiKey}` } }),
    ...(settings.ca && { ssl: { ca: settings.ca } }),
    maxRetries: 0,
    // biome-ignore lint/suspicious/noExplicitAny: the option is missing in the client's types
    ...({ Serializer: textSerializer } as any),
  });
  return {
    async send({ method, path, query, body, lines, withinMs }) {
      try {
        const answer = await client.transport.request(
          {
            method,
            path: pathOf(path),
            ...(query && { querystring: query }),
            ...(lines ? { bulkBody: body ?? '' } : { body: body ?? '' }),
          },
          { requestTimeout: withinMs ?? REQUEST_WITHIN_MS, maxRetries: 0, ignore: STATUSES },
        );
        return { status: answer.statusCode ?? 0, text: String(answer.body ?? '') };
      } catch (error) {
        throw away(error, settings);
      }
    },
    close: () => client.close(),
  };
}

async function elasticsearch(settings: TargetSettings): Promise<Connected> {
  const { Client } = await import('@elastic/elasticsearch');
  const { node, auth } = credentials(settings);
  const client = new Client({
    node,
    ...(auth && { auth }),
    ...(settings.apiKey && { auth: { apiKey: settings.apiKey } }),
    ...(settings.ca && { tls: { ca: settings.ca } }),
    maxRetries: 0,
    // biome-ignore lint/suspicious/noExplicitAny: the option is missing in the client's types
    ...({ Serializer: textSerializer } as any),
  });
  return {
    async send({ method, path, query, body, lines, withinMs }) {
      try {
        const answer = await client.transport.request(
          {
            method,
            path: pathOf(path),
            ...(query && { querystring: query }),
            ...(body !== undefined && (lines ? { bulkBody: body } : { body })),
          },
          { requestTimeout: withinMs ?? REQUEST_WITHIN_MS, maxRetries: 0, ignore: STATUSES, meta: true },
        );
        return { status: answer.statusCode ?? 0, text: String(answer.body ?? '') };
      } catch (error) {
        throw away(error, settings);
      }
    },
    close: () => client.close(),
  };
}

/** What both clients call to write and read bodies: nothing is touched. */
class textSerializer {
  serialize(body: unknown): string {
    return typeof body === 'string' ? body : JSON.stringify(body);
  }
  ndserialize(body: unknown): string {
    return String(body);
  }
  deserialize(text: string): string {
    return text;
  }
  qserialize(query: Record<string, string> | string | undefined): string {
    return typeof query === 'string' ? query : new URLSearchParams(query ?? {}).toString();
  }
}
