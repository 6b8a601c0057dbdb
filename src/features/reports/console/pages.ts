// The pages of reports.

import type { PageEntry } from '../../../../console/index.ts';

export const pages: readonly PageEntry[] = [
  {
    path: '/reports',
    title: { en: 'Reports', tr: 'Raporlar' },
    group: 'features',
    shortcut: 'd',
    load: () => import('./page.tsx'),
  },
  {
    path: '/reports/:id',
    title: { en: 'Report', tr: 'Rapor' },
    shows: { type: 'report', by: 'report' },
    load: () => import('./one.tsx'),
  },
];
