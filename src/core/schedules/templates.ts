// What a firing's payload may say about its time: `{{nominalTime}}` and its like inside of texts. Another name is refused when
// the schedule is written, because it would go out as it stands; `{{{{name}}}}` goes out as `{{name}}`.

import type { Calendar } from './calendar/index.ts';

export const TEMPLATE_NAMES = ['nominalTime', 'previousNominalTime', 'localDate', 'scheduleId'] as const;
type TemplateName = (typeof TEMPLATE_NAMES)[number];

/** The same pattern as tem.template_problem in SQL. */
const PLACE = /\{\{\{\{([^{}]*)\}\}\}\}|\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g;

/** What is wrong with the templates in a payload, or undefined. */
export function unknownTemplate(payload: unknown): string | undefined {
  const text = JSON.stringify(payload) ?? '';
  if (!text.includes('{{')) return undefined;
  for (const [, literal, name] of text.matchAll(PLACE)) {
    if (literal !== undefined || TEMPLATE_NAMES.includes(name as TemplateName)) continue;
    return `holds {{${name}}}, which no firing fills: there are ${TEMPLATE_NAMES.join(', ')}; for the text itself write {{{{${name}}}}}`;
  }
  return undefined;
}

/** The payload of the firing at `at`, Unix milliseconds. */
export function fillPayload(payload: unknown, id: string, calendar: Calendar, at: number): unknown {
  if (!JSON.stringify(payload)?.includes('{{')) return payload;
  const values: Record<TemplateName, () => string> = {
    nominalTime: () => new Date(at).toISOString(),
    previousNominalTime: () => {
      const before = calendar.previous(at);
      return before ? new Date(before.at).toISOString() : '';
    },
    localDate: () => new Date(at + calendar.zone.offsetAt(at)).toISOString().slice(0, 10),
    scheduleId: () => id,
  };
  const replace = (found: string, literal: string | undefined, name: string): string => {
    if (literal !== undefined) return `{{${literal}}}`;
    return Object.hasOwn(values, name) ? values[name as TemplateName]() : found;
  };
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string') return value.replace(PLACE, replace);
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fill(member)]));
  };
  return fill(payload);
}
