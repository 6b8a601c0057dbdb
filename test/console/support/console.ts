// A console under test: an API and a worker of its own, and a browser whose pages fail the test when anything is written to
// their console as an error, thrown, or stopped by the content policy.

import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { createDatabase, type TestDatabase } from '../../support/database.ts';
import { ADMIN_KEY, testEnvironment } from '../../support/environment.ts';
import { builtModule, startTem, type TemProcess } from '../../support/processes.ts';
import { createNamespace, type TestTemporal } from '../../support/temporal.ts';
import { axeFindings } from './axe.ts';
import { SKIPS_BROWSER, startBrowser } from './browser.ts';

export interface ConsoleUnderTest {
  /** The API's address. */
  url: string;
  database: TestDatabase;
  temporal: TestTemporal;
  /** Calls the API as its admin; throws unless the status is 2xx. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  call(method: string, path: string, body?: unknown): Promise<any>;
  /** A page of the console, such as /events?state=FAILED, with its `<h1>` there; signed in unless `as` is null. */
  open(path: string, options?: OpenOptions): Promise<Page>;
}

export interface OpenOptions {
  /** The API key to sign in with; null: nobody. The admin's by default. */
  as?: string | null;
  theme?: 'light' | 'dark';
  widthPx?: number;
  language?: 'en' | 'tr';
  /** Errors that the page's console may show, such as that of an answer that the test is about. */
  expectedErrors?: RegExp;
}

const WIDTH_PX = 1_200;
const HEIGHT_PX = 900;
const PAGE_TIMEOUT_MS = 20_000;

/** As `describe`, with a console that lives as long as the block. `environment`: further settings of API and worker. */
export function describeConsole(
  name: string,
  tests: (tem: () => ConsoleUnderTest) => void,
  environment: Record<string, string> = {},
): void {
  describe.skipIf(SKIPS_BROWSER)(name, () => {
    let started: Started | undefined;
    beforeAll(async () => {
      started = await start(environment);
    });
    afterEach(async () => {
      await started?.closePages();
    });
    afterAll(async () => {
      await started?.stop();
    });
    tests(() => {
      if (!started) throw new Error('the console has not been started');
      return started.console;
    });
  });
}

interface Started {
  console: ConsoleUnderTest;
  /** Closes the pages of the test; fails it for what went wrong in them. */
  closePages(): Promise<void>;
  stop(): Promise<void>;
}

async function start(further: Record<string, string>): Promise<Started> {
  const [database, temporal, browser] = await Promise.all([createDatabase(), createNamespace(), startBrowser()]);
  const types = builtModule(new URL('./event-types.ts', import.meta.url));
  const environment = testEnvironment(database, temporal, { TEM_EVENT_TYPES: types, ...further });
  const processes: TemProcess[] = [startTem(['api'], environment), startTem(['worker'], environment)];
  const stop = async (): Promise<void> => {
    await Promise.all([browser.close(), ...processes.map((each) => each.stop())]);
  };
  try {
    const [ready] = await Promise.all(processes.map((each) => each.ready()));
    const url = String(ready?.url);
    const opened: { context: BrowserContext; faults: string[] }[] = [];
    return {
      console: {
        url,
        database,
        temporal,
        call: (method, path, body) => call(url, method, path, body),
        async open(path, options = {}) {
          const { page, context, faults } = await newPage(browser, url, options);
          opened.push({ context, faults });
          if (options.as !== null) await signIn(page, url, options.as ?? ADMIN_KEY);
          await page.goto(`${url}/console${path === '/' ? '' : path}`);
          await page.locator('h1').waitFor();
          return page;
        },
      },
      async closePages() {
        const all = opened.splice(0);
        await Promise.all(all.map(({ context }) => context.close()));
        expect(all.flatMap(({ faults }) => faults)).toEqual([]);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function newPage(browser: Browser, url: string, options: OpenOptions) {
  const { theme = 'light', widthPx = WIDTH_PX, language = 'en', expectedErrors } = options;
  const context = await browser.newContext({
    baseURL: url,
    colorScheme: theme,
    viewport: { width: widthPx, height: HEIGHT_PX },
    locale: language === 'tr' ? 'tr-TR' : 'en-GB',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PAGE_TIMEOUT_MS);
  const faults: string[] = [];
  const note = (text: string): void => {
    if (!expectedErrors?.test(text)) faults.push(text);
  };
  page.on('pageerror', (error) => note(`thrown: ${error.message}`));
  // What the content policy stops is among them.
  page.on('console', (message) => {
    if (message.type() === 'error') note(message.text());
  });
  page.on('dialog', (dialog) => note(`a dialog of the browser: ${dialog.message()}`));
  return { page, context, faults };
}

/** The way that the sign-in page takes, without the page: its own test goes through the page. */
async function signIn(page: Page, url: string, key: string): Promise<void> {
  const answer = await page.request.post(`${url}/console/session`, { data: { key } });
  if (!answer.ok()) throw new Error(`signing in answers ${answer.status()}: ${await answer.text()}`);
}

async function call(url: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${ADMIN_KEY}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answers ${answer.status}: ${text}`);
  return text === '' ? null : JSON.parse(text);
}

/** Nothing is wrong with the page by axe, and it doesn't scroll sideways. */
export async function expectAccessible(page: Page): Promise<void> {
  expect(await axeFindings(page)).toEqual([]);
  const widths = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
  expect(await page.evaluate(widths)).toBeLessThanOrEqual(0);
}
