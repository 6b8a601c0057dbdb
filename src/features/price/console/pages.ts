// The pages of price checks.

import type { PageEntry } from '../../../../console/index.ts';

export const pages: readonly PageEntry[] = [
  {
    path: '/price',
    title: { en: 'Price checks', tr: 'Fiyat denetimleri' },
    group: 'features',
    shortcut: 'p',
    load: () => import('./overview.tsx'),
  },
  { path: '/price/shops', title: { en: 'Shops', tr: 'Mağazalar' }, load: () => import('./shops.tsx') },
  { path: '/price/products', title: { en: 'Products', tr: 'Ürünler' }, load: () => import('./products.tsx') },
  {
    path: '/price/products/:id',
    title: { en: 'Product', tr: 'Ürün' },
    shows: { type: 'price.check', by: 'product' },
    load: () => import('./product.tsx'),
  },
  { path: '/price/deals', title: { en: 'Deals', tr: 'Fırsatlar' }, load: () => import('./deals.tsx') },
  { path: '/price/formula', title: { en: 'Formula', tr: 'Formül' }, load: () => import('./formula.tsx') },
];
