// Starting runs in Temporal. A workflow id that is taken by an older generation is tried again until that run has closed;
// nothing else may decide what "already started" means (rule 2).

import {
  type Client,
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowExecutionDescription,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { Logger } from 'pino';
import type { EventType } from '../../core/event-type.ts';
import type { Claimed } from '../../core/ledger/claim.ts';
import { eventWorkflowId } from '../../core/workflow-id.ts';
import {
  type EventBatchInput,
  type EventInput,
  type EventMemo,
  SEARCH_ATTRIBUTE,
  WORKFLOW,
} from '../../workflows/contract.ts';
import { policyOf } from '../../workflows/policy.ts';

const CLOSING_TRIES_MAX = 8;
const CLOSING_WAIT_MS = 60;
const STARTS_TRIES_MAX = 40;
const SUMMARY_KEY_CHARACTERS = 100;
const TYPE_ATTRIBUTE = defineSearchAttributeKey(SEARCH_ATTRIBUTE.type, SearchAttributeType.KEYWORD);

/** This event's id is taken by a run that is not for TEM to end: nothing is wrong with Temporal. */
export class WorkflowIdTaken extends Error {
  override readonly name = 'WorkflowIdTaken';
}

export interface StarterOptions {
  client: Client;
  ledgerId: string;
  taskQueue: string;
  searchAttributes: boolean;
  log: Logger;
}

interface Start {
  workflow: string;
  workflowId: string;
  type: EventType;
  input: EventInput | EventBatchInput;
  memo: Record<string, unknown>;
  summary: string;
}

export class Starter {
  readonly #options: StarterOptions;
  #searchAttributes: boolean;

  constructor(options: StarterOptions) {
    this.#options = options;
    this.#searchAttributes = options.searchAttributes;
  }

  /**
   * Starts the event's own workflow. Resolves to whether its first task came back with the answer (eager). Rejects with
   * WorkflowIdTaken, or with Temporal's error.
   */
  async startEvent(type: EventType, event: Claimed): Promise<boolean> {
    const start = this.#ofEvent(type, event);
    for (let tries = 0; tries < STARTS_TRIES_MAX; tries++) {
      try {
        return await this.#startOrPlain(start);
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        if (await this.#isOurs(start.workflowId, event, tries)) return false;
      }
    }
    throw new WorkflowIdTaken(`the older run of ${start.workflowId} doesn't close`);
  }

  async startBatch(type: EventType, workflowId: string, events: readonly Claimed[]): Promise<boolean> {
    const members = events.map(({ id, generation, retryCount }) => ({ id, generation, attempt: retryCount + 1 }));
    const input = { ledger: this.#options.ledgerId, type: type.name, policy: policyOf(type), members };
    const memo = { events: events.length };
    const summary = `${events.length} events of ${type.name}`;
    try {
      return await this.#startOrPlain({ workflow: WORKFLOW.eventBatch, workflowId, type, input, memo, summary });
    } catch (error) {
      // The id was made for this start: who has it already is an unanswered try of ours.
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
      throw error;
    }
  }

  /** Whether runs are started with TEM's search attributes. */
  readonly searchAttributes = (): boolean => this.#searchAttributes;

  /** After they have been registered (again). */
  readonly useSearchAttributes = (registered: boolean): void => {
    this.#searchAttributes = registered;
  };

  #ofEvent(type: EventType, event: Claimed): Start {
    const input: EventInput = {
      ledger: this.#options.ledgerId,
      id: event.id,
      type: event.type,
      key: type.keyPrivate ? '' : event.key,
      generation: event.generation,
      attempt: event.retryCount + 1,
      policy: policyOf(type),
      searchAttributes: this.#searchAttributes,
    };
    return {
      workflow: WORKFLOW.event,
      workflowId: eventWorkflowId(event.type, event.key, type.keyPrivate),
      type,
      input,
      memo: { ledger: this.#options.ledgerId, event: event.id, generation: event.generation } satisfies EventMemo,
      summary: type.keyPrivate ? type.name : `${type.name} ${event.key.slice(0, SUMMARY_KEY_CHARACTERS)}`,
    };
  }

  /** A server without the search attributes refuses the start: the event matters more than finding it there (rule 8). */
  async #startOrPlain(given: Start): Promise<boolean> {
    const withAttributes = this.#searchAttributes;
    try {
      return await this.#start(given);
    } catch (error) {
      if (!withAttributes || !isSearchAttributeError(error)) throw error;
      // Starts that were under way together are all refused; one of them says so.
      if (this.#searchAttributes) {
        this.#options.log.error(
          'Temporal refused the search attributes TemEventType and TemState: starting without them; see tem doctor',
        );
      }
      this.#searchAttributes = false;
      return this.#start(given);
    }
  }

  async #start({ workflow, workflowId, type, input, memo, summary }: Start): Promise<boolean> {
    const plain = 'searchAttributes' in input ? { ...input, searchAttributes: this.#searchAttributes } : input;
    const handle = await this.#options.client.workflow.start(workflow, {
      workflowId,
      taskQueue: this.#options.taskQueue,
      args: [plain],
      requestEagerStart: true,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      memo,
      staticSummary: summary,
      ...(this.#searchAttributes && { typedSearchAttributes: [{ key: TYPE_ATTRIBUTE, value: type.name }] }),
    });
    return handle.eagerlyStarted;
  }

  /**
   * Whether the run that has the id is of this generation. An older one that doesn't close is terminated, and so is one of
   * an event that had this key before, in a ledger that was set back; one of another ledger is left alone.
   */
  async #isOurs(workflowId: string, { id, generation }: Claimed, tries: number): Promise<boolean> {
    const { client, ledgerId } = this.#options;
    const { workflow } = client;
    try {
      const run = await workflow.getHandle(workflowId).describe();
      const { ledger = ledgerId, event, generation: theirs } = (run.memo ?? {}) as Partial<EventMemo>;
      if (ledger !== ledgerId)
        throw new WorkflowIdTaken(
          `${workflowId} is a run of another ledger, ${ledger}: give each a Temporal namespace of its own`,
        );
      if (event === id && Number(theirs) >= generation) return true;
      if (run.status.name === 'RUNNING' && (waits(run) || tries % CLOSING_TRIES_MAX === CLOSING_TRIES_MAX - 1)) {
        await workflow
          .getHandle(workflowId, run.runId)
          .terminate(`superseded by generation ${generation} of its event`);
        return false;
      }
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, CLOSING_WAIT_MS));
    return false;
  }
}

/** Whether a run only waits for its next attempt: it won't close by itself, and a person's retry-now doesn't wait for it. */
function waits({ raw }: WorkflowExecutionDescription): boolean {
  const STARTED = 2;
  return !raw.pendingWorkflowTask && !raw.pendingActivities?.some(({ state }) => state === STARTED);
}

function isSearchAttributeError(error: unknown): boolean {
  const INVALID_ARGUMENT = 3;
  const cause = error instanceof Error && error.cause ? error.cause : error;
  return (
    isGrpcServiceError(cause) &&
    cause.code === INVALID_ARGUMENT &&
    /search attribute/i.test(`${cause.details} ${cause.message}`)
  );
}
