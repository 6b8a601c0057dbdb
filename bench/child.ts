// The other end of startProgram: a load program in a process of its own, so that making load doesn't slow what waits for
// the answers. It ends when its parent does.

export interface Parent {
  ready(details?: Record<string, unknown>): void;
  /** Resolves to the parent's next message. */
  message(): Promise<Record<string, unknown>>;
}

/** Runs a program with its input and sends what it returns to the parent. */
export function runAsChild<Input>(program: (input: Input, parent: Parent) => Promise<Record<string, unknown>>): void {
  process.once('disconnect', () => process.exit(1));
  process.once('SIGTERM', () => process.exit(0));
  const parent: Parent = {
    ready: (details = {}) => void process.send?.({ ready: true, ...details }),
    message: () =>
      new Promise((resolve) => process.once('message', (message) => resolve(message as Record<string, unknown>))),
  };
  program(JSON.parse(process.argv[2] ?? '{}') as Input, parent).then(
    (result) => process.send?.({ result: true, ...result }, () => process.exit(0)),
    (error: Error) => {
      console.error(error.stack);
      process.exit(1);
    },
  );
}
