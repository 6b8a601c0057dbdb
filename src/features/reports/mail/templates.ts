// `{{name}}` in subjects and bodies: what a run knows of itself, and its parameters.

import { localDate } from '../building.ts';
import type { Definition } from '../messages.ts';
import { ReportRefused } from '../parameters.ts';

const PLACE = /\{\{\s*([\w.]+)\s*\}\}/g;
const KNOWN = ['title', 'date', 'time', 'rows', 'file', 'report'] as const;

export type Facts = Record<(typeof KNOWN)[number], string>;

export const SUBJECT = '{{title}} – {{date}}';
export const BODY = '{{title}}\n\n{{rows}} rows, {{date}} {{time}}.';

/** Throws ReportRefused for a name that no run will know. */
export function checkTemplates({
  subject,
  body,
  parameters = {},
}: Pick<Definition, 'subject' | 'body' | 'parameters'>): void {
  for (const [path, text] of Object.entries({ '/subject': subject, '/body': body })) {
    for (const [, name = ''] of (text ?? '').matchAll(PLACE)) {
      if ((KNOWN as readonly string[]).includes(name) || Object.hasOwn(parameters, name)) continue;
      throw new ReportRefused(path, `{{${name}}} is unknown: take ${KNOWN.join(', ')} or a parameter's name`);
    }
  }
}

export function fill(template: string, facts: Facts, parameters: Record<string, string | null>): string {
  return template.replace(PLACE, (_, name: string) =>
    Object.hasOwn(facts, name) ? facts[name as keyof Facts] : (parameters[name] ?? ''),
  );
}

export function dateAndTime(now: Date, timeZone: string): { date: string; time: string } {
  const time = new Intl.DateTimeFormat('sv-SE', { timeZone, timeStyle: 'short' }).format(now);
  return { date: localDate(now, timeZone), time };
}
