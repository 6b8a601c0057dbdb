// Shortcuts: one key, or g and then a key. They rest while somebody types, while a dialog is open, and when they are turned
// off, because who speaks to a screen reader or to the machine would set them off unknowingly.

import { useEffect } from 'preact/hooks';
import { createKept, createStore } from '../live/store.ts';

export interface Shortcut {
  /** `?`, or `g e` for g and then e. */
  keys: string;
  does: string;
  run(): void;
}

export const shortcutsOn = createKept<'on' | 'off'>('shortcuts', 'on', ['on', 'off']);
const shortcuts = createStore<readonly Shortcut[]>([]);
const SECOND_KEY_WITHIN_MS = 1_500;

/** Those of now, in the order in which they came. */
export function allShortcuts(): readonly Shortcut[] {
  return shortcuts.get();
}

/** As long as the component is there. `key`: what the list depends on. */
export function useShortcuts(list: readonly Shortcut[], key: string): void {
  useEffect(() => {
    shortcuts.set([...shortcuts.get(), ...list]);
    return () => shortcuts.set(shortcuts.get().filter((each) => !list.includes(each)));
  }, [key]);
}

export function listenForShortcuts(): void {
  let first: { key: string; atMs: number } | undefined;
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || shortcutsOn.get() === 'off') return;
    if (isTyping(event.target as Element) || document.querySelector('dialog[open]')) return;
    const chord =
      first && performance.now() - first.atMs < SECOND_KEY_WITHIN_MS ? `${first.key} ${event.key}` : undefined;
    first = event.key === 'g' && chord === undefined ? { key: 'g', atMs: performance.now() } : undefined;
    const found = shortcuts.get().find(({ keys }) => keys === (chord ?? event.key));
    if (!found) return;
    event.preventDefault();
    found.run();
  });
}

function isTyping(target: Element): boolean {
  return target.matches('input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]');
}

/** Moves to the page's search field, if it has one. */
export function focusSearch(): void {
  document.querySelector<HTMLElement>('[data-search]')?.focus();
}
