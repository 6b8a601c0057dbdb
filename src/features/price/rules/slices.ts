// How a sweep's shops are divided into slices: a shop with a slice's worth of products has one of its own, smaller ones
// share, and so do all when there are more of them than slices run at once, so that no shop waits for the others' end.

export const SLICE_PRODUCTS_MAX = 1_000;
const SLICE_SHOPS_MAX = 50;

export interface ShopDue {
  shop: string;
  /** Up to a slice's worth. */
  due: number;
}

/** `inFlight`: slices of a sweep that run at once over all workers. */
export function grouped(shops: readonly ShopDue[], inFlight: number): string[][] {
  const large = shops.filter(({ due }) => due >= SLICE_PRODUCTS_MAX).map(({ shop }) => shop);
  const small = shops.filter(({ due }) => due < SLICE_PRODUCTS_MAX);
  const each = Math.min(SLICE_SHOPS_MAX, Math.max(1, Math.ceil(large.length / inFlight)));
  const slices: string[][] = [];
  for (let at = 0; at < large.length; at += each) slices.push(large.slice(at, at + each));
  let shared: ShopDue[] = [];
  let products = 0;
  const close = (): void => {
    // The smallest first, which leave what they don't need of an even share to the others.
    slices.push(shared.sort((a, b) => a.due - b.due).map(({ shop }) => shop));
    shared = [];
    products = 0;
  };
  for (const shop of small) {
    if (shared.length > 0 && (products + shop.due > SLICE_PRODUCTS_MAX || shared.length >= SLICE_SHOPS_MAX)) close();
    shared.push(shop);
    products += shop.due;
  }
  if (shared.length > 0) close();
  return slices;
}
