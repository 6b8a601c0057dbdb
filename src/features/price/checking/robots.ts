// robots.txt (RFC 9309) of each origin: fetched through the shop's gate, as it is a request like others, kept in the ledger
// for a day, so that all workers ask once.

import type { Pool } from 'pg';
import robots, { type Robot } from 'robots-parser';
import { milliseconds } from '../../../core/duration.ts';
import { readRobots, writeRobots } from '../store/shops.ts';
import { type Asking, get, type RequestDependencies, Unreachable } from './request.ts';

// Its types say that it is the default of a module, and it is the module itself.
const parseRobots = robots as unknown as (url: string, text: string) => Robot;

const KEPT_MS = milliseconds('24h');
/** While a shop can't say, nobody asks its pages; but it is asked again soon. */
const KEPT_UNKNOWN_MS = milliseconds('10m');
const IN_MEMORY_MS = 60_000;
const ORIGINS_MAX = 10_000;
const RULES_BYTES_MAX = 500 * 1024;
const NOBODY = 'User-agent: *\nDisallow: /';

interface Known {
  rules: Promise<Robot>;
  /** What `rules` has resolved to. */
  robot?: Robot;
  untilMs: number;
}

export class Robots {
  readonly #pool: Pool;
  readonly #dependencies: RequestDependencies;
  readonly #userAgent: string;
  readonly #known = new Map<string, Known>();

  constructor(pool: Pool, dependencies: RequestDependencies, userAgent: string) {
    this.#pool = pool;
    this.#dependencies = dependencies;
    this.#userAgent = userAgent;
  }

  /** Whether the address may be asked for, when the rules are known; else undefined, and `allow` finds out. */
  allowsNow(url: string): boolean | undefined {
    const known = this.#known.get(new URL(url).origin);
    return known?.robot && known.untilMs >= performance.now() ? this.#says(known.robot, url) : undefined;
  }

  /** Whether the address may be asked for. Throws what asking for the rules throws. */
  async allow(url: string, asking: Omit<Asking, 'permit' | 'headers'>): Promise<boolean> {
    const { origin } = new URL(url);
    const now = performance.now();
    let known = this.#known.get(origin);
    if (!known || known.untilMs < now) {
      if (this.#known.size >= ORIGINS_MAX) this.#known.clear();
      const rules = this.#read(origin, asking).then((text) => parseRobots(`${origin}/robots.txt`, text));
      const found: Known = { rules, untilMs: now + IN_MEMORY_MS };
      this.#known.set(origin, found);
      rules.then(
        (robot) => {
          found.robot = robot;
        },
        () => this.#known.delete(origin),
      );
      known = found;
    }
    return this.#says(await known.rules, url);
  }

  #says(robot: Robot, url: string): boolean {
    return robot.isAllowed(url, this.#userAgent) !== false;
  }

  async #read(origin: string, asking: Omit<Asking, 'permit' | 'headers'>): Promise<string> {
    const stored = await readRobots(this.#pool, origin);
    if (stored !== undefined) return stored;
    const { rules, keptMs } = await this.#fetch(origin, asking);
    await writeRobots(this.#pool, origin, rules, keptMs);
    return rules;
  }

  async #fetch(origin: string, asking: Omit<Asking, 'permit' | 'headers'>): Promise<{ rules: string; keptMs: number }> {
    const answer = await get(this.#dependencies, `${origin}/robots.txt`, {
      ...asking,
      headers: { 'user-agent': this.#userAgent },
      permit: () => undefined,
      maxBytes: RULES_BYTES_MAX,
    }).catch((error: unknown) => {
      // A server that answers nonsense has no rules; one that can't be reached hasn't said.
      if (error instanceof Unreachable && /redirect/.test(error.message)) return undefined;
      throw error;
    });
    if (answer === undefined || (answer.status >= 400 && answer.status < 500 && answer.status !== 429))
      return { rules: '', keptMs: KEPT_MS };
    if (answer.status >= 400) return { rules: NOBODY, keptMs: KEPT_UNKNOWN_MS };
    return { rules: answer.bytes.toString('utf8').replaceAll('\0', ''), keptMs: KEPT_MS };
  }
}
