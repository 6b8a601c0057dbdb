// A state as a word with a colour; the word says everything, the colour only helps.

export type Tone = 'neutral' | 'busy' | 'good' | 'warning' | 'bad';

const STATE_TONES: Record<string, Tone> = {
  QUEUED: 'neutral',
  PROCESSING: 'busy',
  PROCESSED: 'good',
  FAILED: 'warning',
  EXTINCT: 'bad',
  CANCELLED: 'neutral',
};

export function Badge({ text, tone = 'neutral' }: { text: string; tone?: Tone }) {
  return <span class={`badge ${tone}`}>{text}</span>;
}

export function StateBadge({ state }: { state: string }) {
  return <Badge text={state} tone={STATE_TONES[state] ?? 'neutral'} />;
}
