// The outbound client on undici: every connection is opened by our own connector, which judges the literal address, or
// every address that DNS gave for this very connection. What was judged is what is connected to, so there is no window
// for rebinding. No proxy setting of the environment applies, and redirects are the caller's to judge.

import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { inSpan, type Span, type Tracing, traceHeaders, untraced } from '../tracing/index.ts';
import { type AllowedRange, allowedAt, isPermitted, parseAllowedRange } from './addresses.ts';
import { decodeBody } from './content-coding.ts';
import { exchange, type Gathered, type Target } from './exchange.ts';
import { skipInterimAnswers } from './interim-answers.ts';
import { createLookup, type LookupAll, sharedLookup } from './lookup.ts';
import { OriginPlaces } from './origin-places.ts';
import { type Outbound, type OutboundRequest, type OutboundResponse, TargetRefused } from './outbound.ts';

export interface OutboundOptions {
  /** Addresses, with a port or without, or CIDRs that may be called although they are not public. */
  allow: readonly string[];
  /** The machine's names unless another source is given. */
  lookup?: LookupAll;
  /** A request is part of what makes it, and says so to the target. */
  tracing?: Tracing;
}

const DEFAULT_PORTS = { 'http:': 80, 'https:': 443 } as const;
const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 4_000;
const REQUESTS_MAX = 1_000;
/** Below UNCOUNTED_MAX_MS, so that a wait that is given up has not used up the attempt's own time. */
const PLACE_WAIT_MAX_MS = 45_000;

/** Makes the client. Throws a RangeError for an entry of `allow` that is neither an address nor a CIDR. */
export function createOutbound({ allow, lookup = createLookup(), tracing = untraced }: OutboundOptions): Outbound {
  const allowed = allow.map(parseAllowedRange);
  const agent = new Agent({
    connect: judgingConnector(allowed, sharedLookup(lookup)),
    keepAliveTimeout: KEEP_ALIVE_MS,
    // The caller's signal is the one clock of a request.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const places = new OriginPlaces(REQUESTS_MAX, PLACE_WAIT_MAX_MS);

  async function request(url: string, wanted: OutboundRequest): Promise<OutboundResponse> {
    const target = judge(url, allowed);
    if (typeof target === 'string') throw new TargetRefused(target);
    const span = calling(tracing, wanted.method, target);
    if (tracing === untraced && span.context === undefined) return send(target, wanted);
    // A caller that sends a context of its own means that one.
    const headers = { ...traceHeaders(span.context), ...wanted.headers };
    return inSpan(span, () => send(target, { ...wanted, headers }), toldOfAnswer);
  }

  async function send(target: Judged, wanted: OutboundRequest): Promise<OutboundResponse> {
    const { signal, offTheClock } = wanted;
    const { origin } = target;
    // What others hold is not the attempt's own time (rule 3).
    if (!places.tryAcquire(origin, signal)) await offTheClock(() => places.acquire(origin, signal));
    const gathered = await exchange(agent, target, wanted, () => places.release(origin));
    const coding = gathered.headers['content-encoding'];
    if (coding === undefined) return answerOf(gathered);
    const { bytes, complete } = await decodeBody(gathered.bytes, coding, wanted.maxBytes);
    return answerOf({ ...gathered, bytes, complete: gathered.complete && complete });
  }

  const refuse = (url: string): string | undefined => {
    const target = judge(url, allowed);
    return typeof target === 'string' ? target : undefined;
  };
  return { refuse, request, close: () => agent.destroy() };
}

interface Judged extends Target {
  scheme: 'http' | 'https';
  hostname: string;
  port: number;
}

/** What a URL names, or why it can't be called. */
function judge(url: string, allowed: readonly AllowedRange[]): Judged | string {
  if (!URL.canParse(url)) return 'must be an absolute http or https URL';
  const { protocol, hostname, port: named, username, password, origin, pathname, search } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') return 'must be an http or https URL';
  if (username !== '' || password !== '') return 'must not carry a user name or password; send a header instead';
  const port = named === '' ? DEFAULT_PORTS[protocol] : Number(named);
  const literal = literalAddress(hostname);
  if (literal !== undefined && !isPermitted(literal, allowedAt(port, allowed))) return refusalOf(hostname);
  return { origin, path: pathname + search, scheme: protocol === 'http:' ? 'http' : 'https', hostname, port };
}

/** Not the path: it may hold a secret, as those of chats' webhooks do. */
function calling(tracing: Tracing, method: string, { scheme, hostname, port }: Judged): Span {
  return tracing.span({
    name: method,
    kind: 'client',
    attributes: {
      'http.request.method': method,
      'url.scheme': scheme,
      'server.address': hostname,
      'server.port': port,
    },
  });
}

function toldOfAnswer({ status }: OutboundResponse) {
  return { attributes: { 'http.response.status_code': status }, errorType: status < 400 ? undefined : String(status) };
}

/** The address that a URL's host spells, or undefined for a name. WHATWG parsing has already normalised IPv4. */
function literalAddress(hostname: string): string | undefined {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return isIP(bare) === 0 ? undefined : bare;
}

function refusalOf(host: string): string {
  return `${host} is not a public address, and TEM_OUTBOUND_ALLOW doesn't name it`;
}

/** A connector for each port that is named, as a lookup isn't told for which port it is; and one for all others. */
function judgingConnector(allowed: readonly AllowedRange[], lookup: LookupAll): buildConnector.connector {
  const named = new Set(allowed.flatMap(([, , port]) => (port === undefined ? [] : [port])));
  const connectors = new Map([...named].map((port) => [port, connectorOf(allowedAt(port, allowed), lookup)]));
  const others = connectorOf(allowedAt(NO_PORT, allowed), lookup);
  return (target, callback) => {
    const port = target.port ? Number(target.port) : DEFAULT_PORTS[target.protocol as 'http:' | 'https:'];
    (connectors.get(port) ?? others)(target, callback);
  };
}

const NO_PORT = -1;

function connectorOf(allowed: readonly AllowedRange[], lookup: LookupAll): buildConnector.connector {
  // Named by its real shape: undici's option type leaves out `lookup`, which it hands to net and tls.
  const options: buildConnector.BuildOptions & { lookup: LookupFunction } = {
    timeout: CONNECT_TIMEOUT_MS,
    lookup(hostname, { all, ...rest }, callback) {
      lookup(hostname, { ...rest, all: true }, (error, found) => {
        if (error) return callback(error, '', 0);
        // A name may point to both kinds, as localhost or a split horizon does: refused ones are never tried.
        const permitted = found.filter(({ address }) => isPermitted(address, allowed));
        const [first] = permitted;
        if (first === undefined) return callback(new TargetRefused(refusalOf(hostname)), '', 0);
        return all ? callback(null, permitted) : callback(null, first.address, first.family);
      });
    },
  };
  const connect = buildConnector(options);
  return (target, callback) => {
    // net connects to a literal without asking `lookup`.
    const literal = literalAddress(target.hostname);
    if (literal !== undefined && !isPermitted(literal, allowed)) {
      callback(new TargetRefused(refusalOf(target.hostname)), null);
      return;
    }
    connect(target, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      skipInterimAnswers(socket);
      callback(null, socket);
    });
  };
}

/** Text only where somebody asks for it. */
function answerOf({ status, headers, bytes, complete }: Gathered): OutboundResponse {
  return {
    status,
    headers,
    bytes,
    complete,
    get body() {
      return bytes.toString('utf8');
    },
  };
}
