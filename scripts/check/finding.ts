// One thing that a check found: where, what, and what a person does about it.

export interface Finding {
  file: string;
  line?: number;
  problem: string;
  remedy: string;
}
