// JSON pointers (RFC 6901).

/** What a pointer that begins with `/` names; undefined when there is nothing. */
export function valueAt(from: unknown, pointer: string): unknown {
  let place = from;
  for (const step of pointer.slice(1).split('/')) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    const steps: object = typeof place === 'object' && place !== null ? place : {};
    place = Object.hasOwn(steps, name) ? (steps as Record<string, unknown>)[name] : undefined;
  }
  return place;
}
