// Addresses: the path names the page, the query its filters, so that what somebody sees can be shared as it is. Paths are
// given from the console's folder on, such as /events?state=FAILED.

import { CONSOLE, type Query, queryText } from '../http/place.ts';
import { createStore, useStore } from '../live/store.ts';

export interface Address {
  path: string;
  query: Readonly<Record<string, string>>;
}

const BASE = CONSOLE.pathname.replace(/\/$/, '');
const address = createStore(read());
addEventListener('popstate', () => address.set(read()));

function read(): Address {
  const path = window.location.pathname.slice(BASE.length).replace(/\/+$/, '');
  return { path: path === '' ? '/' : path, query: Object.fromEntries(new URLSearchParams(window.location.search)) };
}

export function useAddress(): Address {
  return useStore(address);
}

/** For `href`: the whole path of a page of the console. */
export function href(path: string, query: Query = {}): string {
  const text = queryText(query);
  return `${BASE}${path === '/' ? '' : path}${text && `?${text}`}`;
}

/** The path of one thing below a page; names and keys may hold anything. */
export function below(path: string, name: string): string {
  return `${path}/${encodeURIComponent(name)}`;
}

export function navigate(to: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  address.set(read());
}

/** Links of the console open without loading the page anew. */
export function followLinks(): void {
  document.addEventListener('click', (event) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = (event.target as Element).closest('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== window.location.origin) return;
    if (link.pathname !== BASE && !link.pathname.startsWith(`${BASE}/`)) return;
    if (link.hash && link.pathname === window.location.pathname) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}

/**
 * The filters of the page, and how to change some of them: undefined or an empty text takes one away. A change goes back to
 * the first page of a list.
 */
export function useQuery(): [
  Readonly<Record<string, string>>,
  (changes: Readonly<Record<string, string | undefined>>, options?: { replace?: boolean }) => void,
] {
  const { path, query } = useAddress();
  return [query, (changes, options) => navigate(href(path, { ...query, cursor: undefined, ...changes }), options)];
}

/** The values of a pattern such as /events/:id; undefined when the path is another. */
export function match(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const values: Record<string, string> = {};
  for (const [index, step] of wanted.entries()) {
    const text = decode(given[index] ?? '');
    if (step.startsWith(':')) values[step.slice(1)] = text;
    else if (step !== text) return undefined;
  }
  return values;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
