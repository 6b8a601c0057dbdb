// The page of notifications.

import type { PageEntry } from '../../../../console/index.ts';

export const pages: readonly PageEntry[] = [
  {
    path: '/notifications',
    title: { en: 'Notifications', tr: 'Bildirimler' },
    group: 'features',
    shortcut: 'n',
    shows: { type: 'notification', by: 'user', as: 'user' },
    load: () => import('./page.tsx'),
  },
];
