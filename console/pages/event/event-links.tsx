// The pages of features that show what an event is about, such as the inbox of a notification.

import { at } from '../../http/raw-json.ts';
import type { PageEntry } from '../../page.ts';
import { below, href } from '../../shell/router.ts';
import { language } from '../../words/words.ts';
import type { EventJson } from '../events/event.ts';

/** Undefined where no page says that it shows more, or who looks may not see the payload. */
export function eventLinks(pages: readonly PageEntry[], { type, payload }: EventJson) {
  const links = pages.flatMap(({ path, title, shows }) => {
    if (shows?.type !== type) return [];
    const value = at(payload, shows.by);
    if (typeof value !== 'string' || value === '') return [];
    const to =
      shows.as === undefined ? href(below(path.replace(/\/:\w+$/, ''), value)) : href(path, { [shows.as]: value });
    return [{ title: title[language.get()], to }];
  });
  if (links.length === 0) return undefined;
  return links.map(({ title, to }) => (
    <a key={to} href={to}>
      {title}
    </a>
  ));
}
