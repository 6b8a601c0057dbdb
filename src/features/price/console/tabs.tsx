// The pages of price checks beside each other, and the tiers' names.

import { Tabs, useWords } from '../../../../console/index.ts';
import { words } from './words.ts';

export const TIERS = ['hourly', '3h', '6h', '12h', 'daily'] as const;

export function PriceTabs() {
  const texts = useWords(words);
  return (
    <Tabs
      label={texts.title}
      tabs={[
        [texts.overview, '/price'],
        [texts.shops, '/price/shops'],
        [texts.products, '/price/products'],
        [texts.deals, '/price/deals'],
        [texts.formula, '/price/formula'],
      ]}
    />
  );
}
