// The catalog of pages: the core's own, then those that each feature brings with its folder.

import type { PageEntry } from './page.ts';

const corePages: readonly PageEntry[] = [
  {
    path: '/',
    title: { en: 'Overview', tr: 'Genel bakış' },
    group: 'events',
    shortcut: 'o',
    load: () => import('./pages/overview/page.tsx'),
  },
];

export const pages: readonly PageEntry[] = [...corePages];
