// Something that is wrong just now. While it is, it is one incident, known by its kind and subject.

export interface Condition {
  /** Short and stable, letters and underscores: `extinct`. */
  kind: string;
  /** With what: an event type, a sweep. Empty when there is only one of the kind. */
  subject: string;
  /** One sentence without a secret. */
  detail: string;
  /** What a person should do. */
  advice: string;
  count: number;
  /** Ids of a few of them. */
  samples: string[];
}
