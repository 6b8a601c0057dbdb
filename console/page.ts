// What a page of the console is. Its code is loaded when somebody opens it.

import type { ComponentType } from 'preact';
import type { Both } from './words/words.ts';

export interface PageProps {
  /** The values of the path's `:names`. */
  params: Readonly<Record<string, string>>;
  /** All that there are. */
  pages: readonly PageEntry[];
}

export const GROUPS = ['events', 'control', 'features', 'access'] as const;

export interface PageEntry {
  /** From the console's folder on: `/`, `/events`, `/events/:id`. */
  path: string;
  /** Its name in the menu and in the list of shortcuts. */
  title: Both;
  /** Where it stands in the menu; absent: it is reached from other pages. */
  group?: (typeof GROUPS)[number];
  /** The key after g; each may be taken once. */
  shortcut?: string;
  /** Who else doesn't see it in the menu; the API decides what anybody may read. */
  from?: 'operator' | 'admin';
  /** It shows nothing but what payloads hold. */
  needs?: 'payloads';
  /** Who is confined to some events may open it; `types`: unless it is to groups. Absent: nobody who is confined. */
  confined?: 'any' | 'types';
  /**
   * Events of this type are shown here too: the value of their payload at `by` is the query's parameter `as`, or stands in the place
   * of the path's name.
   */
  shows?: { type: string; by: string; as?: string };
  load(): Promise<{ Page: ComponentType<PageProps> }>;
}
