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
  {
    path: '/events',
    title: { en: 'Events', tr: 'Olaylar' },
    group: 'events',
    shortcut: 'e',
    load: () => import('./pages/events/page.tsx'),
  },
  { path: '/events/:id', title: { en: 'Event', tr: 'Olay' }, load: () => import('./pages/event/page.tsx') },
  {
    path: '/failures',
    title: { en: 'Failures', tr: 'Hatalar' },
    group: 'events',
    shortcut: 'f',
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
    path: '/redrives/:id',
    title: { en: 'Redrive', tr: 'Yeniden sürüm' },
    load: () => import('./pages/redrives/one.tsx'),
  },
];

export const pages: readonly PageEntry[] = [...corePages];
