// The name of the event that a refused document becomes; a file of its own, for what must not load more.

export const DOCUMENT_TYPE = 'search.document';
