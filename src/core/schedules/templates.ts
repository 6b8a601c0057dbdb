// What a firing's payload may say about its time: `{{nominalTime}}` and its like inside of texts. Anything else in braces is
// the receiver's own and stays as it is.

import type { Calendar } from './calendar/index.ts';

export const TEMPLATE_NAMES = ['nominalTime', 'previousNominalTime', 'localDate', 'scheduleId'] as const;
const PLACE = new RegExp(`\\{\\{\\s*(${TEMPLATE_NAMES.join('|')})\\s*\\}\\}`, 'g');

/** The payload of the firing at `at`, Unix milliseconds. */
export function fillPayload(payload: unknown, id: string, calendar: Calendar, at: number): unknown {
  if (!JSON.stringify(payload)?.includes('{{')) return payload;
  const values: Record<(typeof TEMPLATE_NAMES)[number], () => string> = {
    nominalTime: () => new Date(at).toISOString(),
    previousNominalTime: () => {
      const before = calendar.previous(at);
      return before ? new Date(before.at).toISOString() : '';
    },
    localDate: () => new Date(at + calendar.zone.offsetAt(at)).toISOString().slice(0, 10),
    scheduleId: () => id,
  };
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string') return value.replace(PLACE, (_, name: keyof typeof values) => values[name]());
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fill(member)]));
  };
  return fill(payload);
}
