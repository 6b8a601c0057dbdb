// Where TEM keeps its data, and what it needs again and can make anew, as the environment says or as is usual.

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export function homeFrom(given: string | undefined): string | undefined {
  const user = given === undefined ? userFolder() : undefined;
  return given === undefined ? user && join(user, '.tem') : resolve(given);
}

export function cacheFolderFrom(given: string | undefined, temHome: string | undefined): string | undefined {
  if (given !== undefined) return join(resolve(given), 'tem');
  const user = userFolder();
  if (user !== undefined) return join(user, '.cache', 'tem');
  return temHome === undefined ? undefined : join(resolve(temHome), 'cache');
}

/** Undefined for a user whom the system doesn't know, as in a container that is given any number, when HOME isn't set. */
function userFolder(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    return undefined;
  }
}
