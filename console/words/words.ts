// The two languages. Each page has a catalog of its own beside it: the Turkish one must have every text of the English
// one, with the same values to fill in, or the types are wrong.

import { createKept, useStore } from '../live/store.ts';

export const LANGUAGES = { en: 'English', tr: 'Türkçe' } as const;
export type Language = keyof typeof LANGUAGES;
type Text = string | ((...values: never[]) => string);
export type Words<Catalog> = {
  readonly [Name in keyof Catalog]: Catalog[Name] extends string ? string : Catalog[Name];
};
/** A text in both languages. */
export type Both = Readonly<Record<Language, string>>;

export const language = createKept<Language>(
  'language',
  navigator.language.startsWith('tr') ? 'tr' : 'en',
  Object.keys(LANGUAGES) as Language[],
);

export function defineWords<Catalog extends Record<string, Text>>(
  en: Catalog,
  tr: Words<Catalog>,
): Record<Language, Words<Catalog>> {
  return { en: en as Words<Catalog>, tr };
}

/** The texts in the language that is chosen. */
export function useWords<Catalog>(words: Record<Language, Words<Catalog>>): Words<Catalog> {
  return words[useStore(language)];
}

/** 12,345 as people write it in the language that is chosen. */
export function numberText(value: number, options: Intl.NumberFormatOptions = {}): string {
  return new Intl.NumberFormat(language.get(), options).format(value);
}

/** Sorting and comparing go by the language too: in Turkish, i and ı are two letters. */
export function lowerCase(text: string): string {
  return text.toLocaleLowerCase(language.get());
}
