// Calls that arrive while a statement is under way share the next one: under load a hundred small writes become one,
// and a lonely call waits for nothing. No timers: the pace of the database is the pace of the group.

/** One shared write. Resolves with this item's own answer, after its statement is committed. */
export type GroupCommit<Item, Answer> = (item: Item) => Promise<Answer>;

export interface GroupCommitOptions<Item, Answer> {
  /** Writes all items in one statement; the answers in the same order, an Error for an item that its caller is to be refused. */
  write(items: Item[]): Promise<(Answer | Error)[]>;
  /** Items of one statement at most. */
  sizeMax: number;
  /** Statements under way at once. */
  statementsMax: number;
  /** Errors for which splitting the group can't help (the database is away). */
  isShared(error: unknown): boolean;
}

interface Waiting<Item, Answer> {
  item: Item;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

export function createGroupCommit<Item, Answer>(options: GroupCommitOptions<Item, Answer>): GroupCommit<Item, Answer> {
  const waiting: Waiting<Item, Answer>[] = [];
  let statements = 0;

  // A group that fails is split, so that one bad item fails alone.
  const write = async (group: Waiting<Item, Answer>[]): Promise<void> => {
    try {
      const answers = await options.write(group.map((each) => each.item));
      group.forEach((each, index) => {
        const answer = answers[index];
        if (answer instanceof Error) each.reject(answer);
        else each.resolve(answer as Answer);
      });
    } catch (error) {
      if (group.length === 1 || options.isShared(error)) {
        for (const each of group) each.reject(error);
        return;
      }
      const middle = group.length >> 1;
      await write(group.slice(0, middle));
      await write(group.slice(middle));
    }
  };

  const pump = (): void => {
    while (statements < options.statementsMax && waiting.length > 0) {
      statements += 1;
      void write(waiting.splice(0, options.sizeMax)).finally(() => {
        statements -= 1;
        pump();
      });
    }
  };

  return (item) =>
    new Promise<Answer>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      // After the microtasks of this turn, so that calls made together travel together.
      if (waiting.length === 1) setImmediate(pump);
    });
}
