// The channel on which processors are woken.

export const CHANNEL = 'tem_search';
