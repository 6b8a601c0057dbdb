// An adapter of one's own, as TEM_PRICE_ADAPTERS names it: for the tests of the module adapter.

export const priceAdapter = {
  name: 'labels',
  read({ status, text }) {
    if (text.includes('throw')) throw new Error('no label here');
    const [, price, currency] = /label=([\d.,]+) ([A-Z]{3})/.exec(text) ?? [];
    return status === 200 && price !== undefined ? { price, currency, title: 'By a label' } : undefined;
  },
};
