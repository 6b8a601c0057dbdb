// An event type whose payload names a person, for real workers (TEM_EVENT_TYPES).

import { defineEventType, NotRetryable, Type } from 'tem';

export const aboutPerson = defineEventType({
  name: 'about-person',
  subject: '/person/name',
  payload: Type.Object({ person: Type.Object({ name: Type.String() }), plan: Type.String() }),
  async handle({ payload: { person, plan } }, { signal }) {
    if (plan === 'fail') throw new NotRetryable(`nobody knows ${person.name}`);
    if (plan === 'hold')
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
    return { greeted: person.name };
  },
});
