// What a definition must be beyond its schema, checked before it is kept, so that no run finds it out at 09:00.

import { timeZone } from '../../settings.ts';
import { parseRecipients } from './mail/recipients.ts';
import { checkTemplates } from './mail/templates.ts';
import type { Definition } from './messages.ts';
import { namesIn, ReportRefused, valuesOf } from './parameters.ts';
import type { Sources } from './sources/index.ts';

const NAME = /^[A-Za-z_]\w{0,62}$/;

/** Throws ReportRefused with the path of what is wrong. */
export function checkDefinition(definition: Definition, sources: Pick<Sources, 'marksOf'>): void {
  const { parameters = {}, sql } = definition;
  for (const name of Object.keys(parameters)) {
    if (!NAME.test(name)) throw new ReportRefused(`/parameters/${name}`, 'must be a name of letters, digits and _');
  }
  const missing = namesIn(sql).find((name) => !Object.hasOwn(parameters, name));
  if (missing) throw new ReportRefused('/sql', `:${missing} is no parameter: add it to parameters with its type`);
  if (sql.includes('\0')) throw new ReportRefused('/sql', 'has a NUL in it');
  const defaults = Object.entries(parameters).flatMap(([name, { default: value }]) =>
    value === undefined ? [] : [[name, value]],
  );
  valuesOf(
    Object.fromEntries(defaults.map(([name]) => [name, parameters[name as string]])),
    Object.fromEntries(defaults),
  );
  sources.marksOf(definition.source);
  parseRecipients(definition.recipients);
  checkTemplates(definition);
  if (definition.timeZone !== undefined) {
    try {
      timeZone(definition.timeZone);
    } catch (error) {
      throw new ReportRefused('/timeZone', (error as Error).message);
    }
  }
}
