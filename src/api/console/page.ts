// The one HTML page of the console. Its addresses are relative to where it was asked for, so that it works behind any path
// prefix that a proxy takes away; scripts find the API from where they were loaded.

import type { ConsoleFiles } from './files.ts';

/** Nothing inline, nothing from elsewhere, in nobody's frame. */
export const PAGE_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
} as const;

export const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%230b6bcb'/%3E%3Cpath d='M4 5h8M8 5v7' stroke='white' stroke-width='2' fill='none'/%3E%3C/svg%3E";

/** `path`: as it was asked for, `/console` and what follows, without the query. */
export function consolePage({ script, style, preloads }: ConsoleFiles, path: string): string {
  const assets = `${toConsole(path)}assets/`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>TEM</title>
<link rel="icon" href="${ICON}">
<link rel="stylesheet" href="${assets}${style}">
${preloads.map((name) => `<link rel="modulepreload" href="${assets}${name}">\n`).join('')}<script type="module" src="${assets}${script}"></script>
</head>
<body>
<div id="console"></div>
<noscript>The console needs JavaScript. Everything in it is also in the HTTP API and the tem command.</noscript>
</body>
</html>
`;
}

/** From a page to the folder of the console. */
function toConsole(path: string): string {
  const below = path.slice('/console'.length);
  if (below === '') return 'console/';
  return '../'.repeat(below.split('/').length - 2);
}
