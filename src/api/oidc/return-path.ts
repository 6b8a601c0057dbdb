// Where a person goes after signing in: a page of the console, never anywhere else.

const LENGTH_MAX = 1_500;
const HOME = '/console';

/** `wanted`: a path from /console on, of whatever origin; the home page in the place of what isn't one. */
export function returnPath(wanted: string | undefined): string {
  // A page of the console has none of these in its address as browsers send it.
  if (wanted === undefined || wanted.length > LENGTH_MAX || /[^\x21-\x7e]|\\/.test(wanted)) return HOME;
  if (!wanted.startsWith('/')) return HOME;
  const base = new URL('http://console.invalid');
  const url = URL.canParse(wanted, base.href) ? new URL(wanted, base) : base;
  const { pathname } = url;
  const isPage = url.origin === base.origin && (pathname === HOME || pathname.startsWith(`${HOME}/`));
  if (!isPage || pathname.startsWith(`${HOME}/sign-in`)) return HOME;
  return `${pathname}${url.search}${url.hash}`;
}
