// The package has no types of its own: what is used of it.

declare module 'pino-roll' {
  function pinoRoll(options: {
    file: string;
    extension: string;
    size: string;
    limit: { count: number; removeOtherLogFiles: boolean };
    mkdir: boolean;
    maxLength: number;
  }): Promise<NodeJS.WritableStream & { flushSync(): void }>;
  export = pinoRoll;
}
