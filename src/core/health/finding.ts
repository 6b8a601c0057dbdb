// What a check found, in words for a person. The same checks of the ledger and its workers answer `tem doctor` and the
// API's readiness.

export interface Finding {
  /** Short and stable, such as `database` or `clock`. */
  name: string;
  ok: boolean;
  /** What is so, or what is wrong and what to do. Never holds a password. */
  detail: string;
  /** True for what is wrong and yet keeps no event from being accepted and run: it endangers the promise, or slows. */
  isWarning?: boolean;
}

/** One finding for several: the details of what is wrong, or the first detail when nothing is. */
export function summarize(name: string, findings: Finding[]): Finding {
  const wrong = findings.filter(({ ok }) => !ok);
  return wrong.length === 0
    ? { name, ok: true, detail: findings[0]?.detail ?? 'nothing to check' }
    : {
        name,
        ok: false,
        detail: wrong.map(({ detail }) => detail).join('; '),
        isWarning: wrong.every(({ isWarning }) => isWarning),
      };
}
