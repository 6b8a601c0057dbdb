// The frame around every page: menu, preferences, messages, shortcuts.

import { useEffect, useState } from 'preact/hooks';
import { useStore } from '../live/store.ts';
import { following } from '../live/use-live.ts';
import { GROUPS, type PageEntry } from '../page.ts';
import { general } from '../words/general.ts';
import { LANGUAGES, type Language, language, useWords } from '../words/words.ts';
import { DatabaseTime } from './database-time.tsx';
import { focusSearch, type Shortcut, useShortcuts } from './keyboard.ts';
import { PageOutlet } from './page-outlet.tsx';
import { href, navigate, useAddress } from './router.ts';
import { mayOpen, signOut, useSession } from './session.ts';
import { ShortcutList } from './shortcut-list.tsx';
import { THEMES, type Theme, theme } from './theme.ts';
import { toast } from './toasts.tsx';

export function App({ pages }: { pages: readonly PageEntry[] }) {
  const words = useWords(general);
  const spoken = useStore(language);
  const [listed, setListed] = useState(false);
  const known = useSession();
  const open = pages.filter((page) => mayOpen(page, known));
  useShortcuts([...pageShortcuts(open, words.goTo, spoken), ...ownShortcuts(words, () => setListed(true))], spoken);
  return (
    <>
      <a class="skip" href="#page">
        {words.skip}
      </a>
      <header class="top">
        <a class="brand" href={href('/')}>
          TEM
        </a>
        <Preferences openShortcuts={() => setListed(true)} />
      </header>
      <div class="frame">
        <Menu pages={open} />
        <main id="page" tabIndex={-1}>
          <PageOutlet pages={pages} />
          <footer>
            <DatabaseTime />
          </footer>
        </main>
      </div>
      {listed && <ShortcutList close={() => setListed(false)} />}
    </>
  );
}

function Menu({ pages }: { pages: readonly PageEntry[] }) {
  const words = useWords(general);
  const spoken = useStore(language);
  const { path } = useAddress();
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  return (
    <nav aria-label={words.pages} class={open ? 'menu open' : 'menu'}>
      <button type="button" class="menu-button" aria-expanded={open} onClick={() => setOpen(!open)}>
        {words.menu}
      </button>
      {GROUPS.map((group) => (
        <ul key={group}>
          {pages
            .filter((page) => page.group === group)
            .map((page) => (
              <li key={page.path}>
                <a href={href(page.path)} aria-current={isCurrent(page.path, path) ? 'page' : undefined}>
                  {page.title[spoken]}
                </a>
              </li>
            ))}
        </ul>
      ))}
    </nav>
  );
}

function isCurrent(page: string, path: string): boolean {
  return page === path || (page !== '/' && path.startsWith(`${page}/`));
}

function Preferences({ openShortcuts }: { openShortcuts(): void }) {
  const words = useWords(general);
  const { name, email, role } = useSession();
  const follows = useStore(following) === 'on';
  const themeNames: Record<Theme, string> = {
    system: words.themeSystem,
    light: words.themeLight,
    dark: words.themeDark,
  };
  return (
    <div class="preferences">
      <label title={words.followHint}>
        <input
          type="checkbox"
          checked={follows}
          onChange={({ currentTarget }) => following.set(currentTarget.checked ? 'on' : 'off')}
        />
        {words.follow}
      </label>
      <select
        aria-label={words.theme}
        value={useStore(theme)}
        onChange={({ currentTarget }) => theme.set(currentTarget.value as Theme)}
      >
        {THEMES.map((each) => (
          <option key={each} value={each}>
            {themeNames[each]}
          </option>
        ))}
      </select>
      <select
        aria-label={words.language}
        value={useStore(language)}
        onChange={({ currentTarget }) => language.set(currentTarget.value as Language)}
      >
        {Object.entries(LANGUAGES).map(([code, label]) => (
          <option key={code} value={code} lang={code}>
            {label}
          </option>
        ))}
      </select>
      <button type="button" class="quiet" onClick={openShortcuts} title={words.shortcutsHint}>
        <span aria-hidden="true">?</span>
        <span class="unseen">{words.shortcuts}</span>
      </button>
      <span class="who">
        {name}{' '}
        <span class="muted">({[...(email === undefined || email === name ? [] : [email]), role].join(', ')})</span>
      </span>
      <button type="button" onClick={() => void signOut().catch((error: Error) => toast(error.message, 'failed'))}>
        {words.signOut}
      </button>
    </div>
  );
}

function pageShortcuts(pages: readonly PageEntry[], does: (page: string) => string, spoken: Language): Shortcut[] {
  return pages.flatMap(({ shortcut, title, path }) =>
    shortcut === undefined
      ? []
      : [{ keys: `g ${shortcut}`, does: does(title[spoken]), run: () => navigate(href(path)) }],
  );
}

function ownShortcuts(words: { shortcutSearch: string; shortcutHelp: string }, help: () => void): Shortcut[] {
  return [
    { keys: '/', does: words.shortcutSearch, run: focusSearch },
    { keys: '?', does: words.shortcutHelp, run: help },
  ];
}
