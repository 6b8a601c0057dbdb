// The `html` adapter: JSON-LD, microdata, OpenGraph, then the shop's CSS selector. The first that has a price decides; the
// others are compared with it, so that a page that contradicts itself is told.

import { selectAll } from 'css-select';
import { type AnyNode, type Document, type Element, isTag } from 'domhandler';
import { DomUtils } from 'htmlparser2';
import { currencyCode } from '../currencies.ts';
import { sameDecimal } from '../decimal.ts';
import { isNotFound, type NotFound, type Offer, type Reading, type SourceReading } from '../found.ts';
import { readMachinePrice } from '../machine-price.ts';
import { readPriceText } from '../price-text.ts';
import { agreed } from './agreed.ts';
import { readJsonBlocks } from './json-blocks.ts';
import { readJsonLd } from './json-ld.ts';
import { PageRefused, parsePage } from './parse.ts';

export interface PageSettings {
  selector?: string | undefined;
}

const TITLE_LENGTH_MAX = 500;
const VALUES_MAX = 100;
const PRICE_META = [
  ['product:sale_price:amount', 'product:sale_price:currency'],
  ['product:price:amount', 'product:price:currency'],
  ['og:price:amount', 'og:price:currency'],
] as const;
// What pages that stand before a shop say instead of the product.
const BARRIER =
  /just a moment|attention required|access denied|are you a (human|robot)|robot check|verify you are human|unusual traffic|captcha|pardon our interruption|zugriff verweigert|erişim engellendi/i;
const BARRIER_FORM = /g-recaptcha|h-captcha|cf-turnstile|cf-challenge|px-captcha|datadome/i;

/** Reads one page; `locale` says how visible text is meant. Never throws for a page, whatever it holds. */
export function readPage(html: string, settings: PageSettings, locale: string | undefined): Reading {
  let page: ReturnType<typeof parsePage>;
  try {
    page = parsePage(html);
  } catch (error) {
    if (!(error instanceof PageRefused)) throw error;
    return { error: 'page_changed', detail: error.message };
  }
  const { document, elements } = page;
  const sources = [
    () =>
      readJsonLd(
        elements.filter(isJsonLd).flatMap((script) => readJsonBlocks(DomUtils.textContent(script))),
        locale,
      ),
    () => readMicrodata(elements, locale),
    () => readOpenGraph(elements, locale),
    () => readSelector(document, settings.selector, locale),
  ];
  let found: Offer | undefined;
  let refused: NotFound | undefined;
  const conflicts: string[] = [];
  for (const source of sources) {
    const reading = source();
    if (reading === undefined) continue;
    if (isNotFound(reading)) refused ??= reading;
    else if (!found) found = reading;
    else if (!sameDecimal(found.price, reading.price)) conflicts.push(`${reading.source} says ${reading.price}`);
    else found = { ...found, currency: found.currency ?? reading.currency };
  }
  if (found) return { ...found, title: title(found, elements), conflicts };
  return refused ?? withoutPrice(html, elements, settings);
}

function withoutPrice(html: string, elements: Element[], { selector }: PageSettings): NotFound {
  const heading = elements.find(({ name }) => name === 'title');
  if ((heading && BARRIER.test(DomUtils.textContent(heading))) || BARRIER_FORM.test(html))
    return { error: 'blocked', detail: 'the shop answered with a page that stands before its products' };
  if (elements.length === 0) return { error: 'page_changed', detail: 'the answer is no HTML' };
  return selector === undefined
    ? {
        error: 'no_price',
        detail: 'the page has no JSON-LD, microdata or OpenGraph price, and the shop has no selector',
      }
    : { error: 'page_changed', detail: `the page has nothing at ${selector} and no structured price` };
}

function isJsonLd({ name, attribs }: Element): boolean {
  return name === 'script' && /^application\/ld\+json\b/i.test((attribs.type ?? '').trim());
}

/** `content` wins over the visible text: it is the machine's form, on meta and on any other element. */
function readMicrodata(elements: Element[], locale: string | undefined): SourceReading {
  const named = (wanted: string): Element[] =>
    elements.filter(({ attribs }) => attribs.itemprop?.split(/\s+/).includes(wanted) && !ofAnother(attribs));
  const currency = named('priceCurrency')
    .map((element) => currencyCode(element.attribs.content ?? DomUtils.textContent(element)))
    .find((code) => code !== undefined);
  const prices = [...named('price'), ...named('lowPrice'), ...named('highPrice')].slice(0, VALUES_MAX);
  return agreed(
    prices
      .filter((element) => !insideRelated(element))
      .flatMap((element): (Offer | NotFound)[] => {
        const { content, value } = element.attribs;
        const machine = content ?? (element.name === 'data' ? value : undefined);
        const read =
          machine === undefined
            ? readPriceText(DomUtils.textContent(element), locale)
            : readMachinePrice(machine, locale);
        if (read === undefined) return [];
        if ('error' in read) return [read];
        return [
          { source: 'microdata' as const, price: read.price, currency: currency ?? read.currency, title: undefined },
        ];
      }),
  );
}

function ofAnother(attribs: Record<string, string>): boolean {
  return /\b(isRelatedTo|isSimilarTo)\b/.test(attribs.itemprop ?? '');
}

function insideRelated(element: Element): boolean {
  for (let at: AnyNode | null = element.parent; at; at = at.parent as AnyNode | null) {
    if (isTag(at) && ofAnother(at.attribs)) return true;
  }
  return false;
}

function readOpenGraph(elements: Element[], locale: string | undefined): SourceReading {
  const meta = new Map<string, string>();
  for (const { name, attribs } of elements) {
    const property = name === 'meta' ? (attribs.property ?? attribs.name) : undefined;
    if (property && attribs.content !== undefined && !meta.has(property.toLowerCase()))
      meta.set(property.toLowerCase(), attribs.content);
  }
  for (const [amount, currency] of PRICE_META) {
    const read = readMachinePrice(meta.get(amount), locale);
    if (read === undefined) continue;
    if (isNotFound(read)) return read;
    const code = currencyCode(meta.get(currency) ?? meta.get('product:price:currency'));
    return { source: 'opengraph', price: read.price, currency: code ?? read.currency, title: meta.get('og:title') };
  }
  return undefined;
}

function readSelector(document: Document, selector: string | undefined, locale: string | undefined): SourceReading {
  if (selector === undefined) return undefined;
  const matches = (selectAll(selector, document.children) as AnyNode[]).filter(isTag).slice(0, VALUES_MAX);
  return agreed(
    matches.flatMap((element): (Offer | NotFound)[] => {
      const { content } = element.attribs;
      const read =
        content === undefined
          ? readPriceText(DomUtils.textContent(element), locale)
          : readMachinePrice(content, locale);
      if (read === undefined) return [];
      if ('error' in read) return [read];
      if (/^[0.]+$/.test(read.price)) return [{ error: 'no_price', detail: 'the price is 0' }];
      return [{ source: 'selector', price: read.price, currency: read.currency, title: undefined }];
    }),
  );
}

function title(found: Offer, elements: Element[]): string | undefined {
  const heading = elements.find(({ name }) => name === 'title');
  const text = found.title ?? (heading && DomUtils.textContent(heading));
  return text?.replace(/\s+/g, ' ').trim().slice(0, TITLE_LENGTH_MAX) || undefined;
}
