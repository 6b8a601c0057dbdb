// HTML to a tree, within bounds: a page that is nested deeper than any page for people, or has more elements, is refused
// before it takes the time of others.

import { type Document, DomHandler, type Element, isTag } from 'domhandler';
import { DomUtils, Parser } from 'htmlparser2';

const DEPTH_MAX = 500;
const ELEMENTS_MAX = 50_000;

export class PageRefused extends Error {
  override readonly name = 'PageRefused';
}

/** The page's tree and its elements in their order. Throws PageRefused. */
export function parsePage(html: string): { document: Document; elements: Element[] } {
  const handler = new BoundedHandler();
  new Parser(handler).end(html);
  const document = handler.root;
  const elements = DomUtils.find(isTag, document.children, true, ELEMENTS_MAX) as Element[];
  return { document, elements };
}

class BoundedHandler extends DomHandler {
  #depth = 0;
  #elements = 0;

  override onopentag(name: string, attributes: { [name: string]: string }): void {
    this.#depth += 1;
    this.#elements += 1;
    if (this.#depth > DEPTH_MAX) throw new PageRefused('the page is nested too deeply to be read');
    if (this.#elements > ELEMENTS_MAX) throw new PageRefused('the page has too many elements to be read');
    super.onopentag(name, attributes);
  }

  override onclosetag(): void {
    this.#depth -= 1;
    super.onclosetag();
  }
}
