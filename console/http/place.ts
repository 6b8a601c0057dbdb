// Where the console and the API are, found from where this script was loaded: <prefix>/console/assets/<script>.

/** The folder of the console, with a slash at its end. */
export const CONSOLE = new URL('..', import.meta.url);
const API = new URL('../..', import.meta.url);

/** `path`: below the API's root, such as `v1/events`. */
export function apiUrl(path: string, query: Query = {}): URL {
  const url = new URL(path.replace(/^\//, ''), API);
  url.search = queryText(query);
  return url;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Without those that are empty. */
export function queryText(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '' && value !== false);
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}
