// A product, as /v1/price/products answers it.

import { numberText } from '../../../../console/index.ts';

export interface Product {
  id: string;
  shop: string;
  url: string;
  title: string | null;
  /** A decimal, as text. */
  price: string | null;
  currency: string | null;
  activeDeal: boolean;
  priority: number;
  priorityParts: { activeDeal: number; volatility: number; popularity: number; recency: number };
  tier: string;
  nextCheckAt: string;
  lastCheckedAt: string | null;
  lastError?: { code: string; detail: string };
}

export function priceText(price: string | null, currency: string | null): string {
  return price === null ? '–' : `${price} ${currency ?? ''}`.trim();
}

export const pointsText = (points: number): string => numberText(points, { maximumFractionDigits: 1 });
