// What an event type that runs as a workflow hands to that workflow.

/** What the workflow of an event type is given: which event it is about, and the fence of this attempt. */
export interface EventWorkflowInput {
  ledger: string;
  /** The event's id: its payload is in the ledger, where an activity reads it (`event` of WorkerDependencies). */
  event: string;
  type: string;
  attempt: number;
  /** Rises with every attempt: of two runs the one with the lower number is over. */
  epoch: number;
}
