// What a case gets: the size of the run, the environment that the compared mode adds, and a place for temporary data.

export interface BenchContext {
  /** Small counts, to try the harness: the numbers mean nothing. */
  quick: boolean;
  /** The 30-minute form of a case that has one. */
  long: boolean;
  /** Without a cached Temporal server, for the case that starts from a fresh clone. */
  cold: boolean;
  profile: boolean;
  /** Given by --env: for the services, the API and the workers. */
  environment: Readonly<Record<string, string>>;
  /** An empty folder, removed when the case has run. */
  folder: string;
  /** A count: as it is, or a small part of it in a quick run. */
  count(full: number, quick: number): number;
  say(line: string): void;
}
