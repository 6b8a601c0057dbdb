// What a check found, in words for a person. The same checks answer `tem doctor` and the API's readiness.

export interface Finding {
  /** Short and stable, such as `database` or `clock`. */
  name: string;
  ok: boolean;
  /** What is so, or what is wrong and what to do. Never holds a password. */
  detail: string;
}

/** One finding for several: the details of what is wrong, or the first detail when nothing is. */
export function summarize(name: string, findings: Finding[]): Finding {
  const wrong = findings.filter(({ ok }) => !ok);
  return wrong.length === 0
    ? { name, ok: true, detail: findings[0]?.detail ?? 'nothing to check' }
    : { name, ok: false, detail: wrong.map(({ detail }) => detail).join('; ') };
}
