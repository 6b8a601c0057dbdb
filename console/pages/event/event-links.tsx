// The pages of features that show what an event is about, such as the inbox of a notification.

import { at } from '../../http/raw-json.ts';
import type { PageEntry } from '../../page.ts';
import { below, href } from '../../shell/router.ts';
import { mayOpen, type Session } from '../../shell/session.ts';
import { language } from '../../words/words.ts';
import type { EventJson } from '../events/event.ts';

/** Undefined where no page says that it shows more, or who looks may not see the payload. */
export function eventLinks(pages: readonly PageEntry[], { type, payload }: EventJson, session: Session) {
  const links = pages.flatMap((page) => {
    const { path, title, shows } = page;
    if (shows?.type !== type || !session.payloads || !mayOpen(page, session)) return [];
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
