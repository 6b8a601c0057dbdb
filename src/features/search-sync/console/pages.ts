// The pages of search sync.

import type { PageEntry } from '../../../../console/index.ts';

export const pages: readonly PageEntry[] = [
  {
    path: '/search',
    title: { en: 'Search sync', tr: 'Arama eşleme' },
    group: 'features',
    shortcut: 'h',
    load: () => import('./page.tsx'),
  },
];
