// The attempts that this process runs right now: to abort them on cancel and shutdown, and so that a second run of the
// same activity joins the first instead of running the handler beside it.

import { HeldElsewhere } from '../errors.ts';

export type AbortReason = 'timeout' | 'cancel' | 'shutdown';

/** The reason of an attempt's aborted signal. */
export class AttemptAborted extends Error {
  override readonly name = 'AttemptAborted';

  constructor(readonly why: AbortReason) {
    super(
      { timeout: 'the attempt timed out', cancel: 'the event was cancelled', shutdown: 'the worker is stopping' }[why],
    );
  }
}

export interface Running {
  /**
   * Runs `attempt`, or joins the run of the same event and generation that is under way. Rejects with HeldElsewhere while
   * one of another generation is: that one was taken from this process, which doesn't know it yet.
   */
  join<Outcome>(
    id: string,
    generation: number,
    attempt: (controller: AbortController) => Promise<Outcome>,
  ): Promise<Outcome>;
  /** Registers an attempt that isn't joined (a batch's member); returns its end. */
  enter(id: string, controller: AbortController): () => void;
  has(id: string): boolean;
  abort(id: string, why: AbortReason): void;
  /** Aborts everything that runs, and whatever begins from now on. */
  abortAll(why: AbortReason): void;
  ids(): string[];
}

export function createRunning(): Running {
  const controllers = new Map<string, Set<AbortController>>();
  const joinable = new Map<string, Promise<unknown>>();
  let ended: AbortReason | undefined;

  const enter = (id: string, controller: AbortController): (() => void) => {
    const ofEvent = controllers.get(id) ?? new Set();
    controllers.set(id, ofEvent.add(controller));
    if (ended) controller.abort(new AttemptAborted(ended));
    return () => {
      ofEvent.delete(controller);
      if (ofEvent.size === 0 && controllers.get(id) === ofEvent) controllers.delete(id);
    };
  };

  return {
    enter,
    join<Outcome>(id: string, generation: number, attempt: (controller: AbortController) => Promise<Outcome>) {
      const name = `${id}/${generation}`;
      const underWay = joinable.get(name);
      if (underWay) return underWay as Promise<Outcome>;
      if (controllers.has(id)) return Promise.reject(new HeldElsewhere(id));
      const controller = new AbortController();
      const leave = enter(id, controller);
      const promise = attempt(controller).finally(() => {
        joinable.delete(name);
        leave();
      });
      joinable.set(name, promise);
      return promise;
    },
    abort(id, why) {
      for (const controller of controllers.get(id) ?? []) controller.abort(new AttemptAborted(why));
    },
    has: (id) => controllers.has(id),
    abortAll(why) {
      ended = why;
      for (const ofEvent of controllers.values()) for (const each of ofEvent) each.abort(new AttemptAborted(why));
    },
    ids: () => [...controllers.keys()],
  };
}
