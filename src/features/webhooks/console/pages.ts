// The pages of webhooks.

import type { PageEntry } from '../../../../console/index.ts';

export const pages: readonly PageEntry[] = [
  {
    path: '/webhooks',
    title: { en: 'Webhooks', tr: "Webhook'lar" },
    group: 'features',
    shortcut: 'b',
    needs: 'payloads',
    load: () => import('./page.tsx'),
  },
];
