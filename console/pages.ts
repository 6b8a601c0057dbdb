// The catalog of pages: the core's own, then those that each feature brings with its folder.

import { pages as notificationPages } from '../src/features/notifications/console/pages.ts';
import { pages as pricePages } from '../src/features/price/console/pages.ts';
import { pages as reportPages } from '../src/features/reports/console/pages.ts';
import { pages as searchPages } from '../src/features/search-sync/console/pages.ts';
import { pages as webhookPages } from '../src/features/webhooks/console/pages.ts';
import type { PageEntry } from './page.ts';

const corePages: readonly PageEntry[] = [
  {
    path: '/',
    title: { en: 'Overview', tr: 'Genel bakış' },
    group: 'events',
    shortcut: 'o',
    load: () => import('./pages/overview/page.tsx'),
  },
  {
    path: '/events',
    title: { en: 'Events', tr: 'Olaylar' },
    group: 'events',
    shortcut: 'e',
    confined: 'any',
    load: () => import('./pages/events/page.tsx'),
  },
  {
    path: '/events/:id',
    title: { en: 'Event', tr: 'Olay' },
    confined: 'any',
    load: () => import('./pages/event/page.tsx'),
  },
  {
    path: '/failures',
    title: { en: 'Failures', tr: 'Hatalar' },
    group: 'events',
    shortcut: 'f',
    confined: 'types',
    load: () => import('./pages/failures/page.tsx'),
  },
  {
    path: '/redrives',
    title: { en: 'Redrives', tr: 'Yeniden sürümler' },
    group: 'events',
    shortcut: 'r',
    load: () => import('./pages/redrives/page.tsx'),
  },
  {
    path: '/event-types',
    title: { en: 'Event types', tr: 'Olay türleri' },
    group: 'events',
    shortcut: 't',
    load: () => import('./pages/event-types/page.tsx'),
  },
  {
    path: '/audit',
    title: { en: 'Audit', tr: 'Denetim' },
    group: 'access',
    shortcut: 'a',
    from: 'operator',
    load: () => import('./pages/audit/page.tsx'),
  },
  {
    path: '/keys',
    title: { en: 'API keys', tr: 'API anahtarları' },
    group: 'access',
    shortcut: 'k',
    from: 'admin',
    load: () => import('./pages/keys/page.tsx'),
  },
  {
    path: '/redrives/:id',
    title: { en: 'Redrive', tr: 'Yeniden sürüm' },
    load: () => import('./pages/redrives/one.tsx'),
  },
  {
    path: '/schedules',
    title: { en: 'Schedules', tr: 'Zamanlamalar' },
    group: 'control',
    shortcut: 's',
    load: () => import('./pages/schedules/page.tsx'),
  },
  {
    path: '/schedules/:id',
    title: { en: 'Schedule', tr: 'Zamanlama' },
    load: () => import('./pages/schedules/one.tsx'),
  },
  {
    path: '/flows',
    title: { en: 'Flows', tr: 'Akışlar' },
    group: 'control',
    shortcut: 'l',
    load: () => import('./pages/flows/page.tsx'),
  },
  {
    path: '/workers',
    title: { en: 'Workers', tr: 'İşçiler' },
    group: 'control',
    shortcut: 'w',
    load: () => import('./pages/workers/page.tsx'),
  },
];

export const pages: readonly PageEntry[] = [
  ...corePages,
  ...notificationPages,
  ...pricePages,
  ...reportPages,
  ...searchPages,
  ...webhookPages,
];
