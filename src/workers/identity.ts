// How TEM names itself to Temporal, so that its own terminations aren't taken for a person's.

export const TEM_IDENTITY = 'tem ';

export function temIdentity(workerId: string, host: string, pid: number): string {
  return `${TEM_IDENTITY}${workerId} ${pid}@${host}`;
}
