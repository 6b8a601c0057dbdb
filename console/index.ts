// What pages are made of. A feature's pages import from here and from nowhere else in the console.

export { ApiProblem, call } from './http/client.ts';
export { apiUrl } from './http/place.ts';
export { at, Digits, type Json, readJson, writeJson } from './http/raw-json.ts';
export { now } from './live/clock.ts';
export { asProblem, type Live, useLive } from './live/use-live.ts';
export type { PageEntry, PageProps } from './page.ts';
export { FreezeDialog } from './pages/events/freeze-dialog.tsx';
export { useAct } from './parts/act.tsx';
export { Badge, StateBadge, type Tone } from './parts/badge.tsx';
export { Chart, type Point } from './parts/chart.tsx';
export { CopyButton } from './parts/copy.tsx';
export { Confirm, Dialog } from './parts/dialog.tsx';
export { Facts } from './parts/facts.tsx';
export { Count, type Figure, Figures } from './parts/figures.tsx';
export { ChoiceField, CodeField, Field, type Filter, Filters, TextField } from './parts/form.tsx';
export { Freshness, Heading } from './parts/heading.tsx';
export { Brief, JsonView, TextView } from './parts/json-view.tsx';
export { Empty, Failed, Loading, problemText } from './parts/states.tsx';
export { type Column, LiveTable, Pager, type Selection, Table } from './parts/table.tsx';
export { Tabs } from './parts/tabs.tsx';
export { durationText, Moment, Time, wholeTime } from './parts/time.tsx';
export { useShortcuts } from './shell/keyboard.ts';
export { below, href, navigate, useQuery } from './shell/router.ts';
export { useMay, useMayForAll, useSession } from './shell/session.ts';
export { toast } from './shell/toasts.tsx';
export { general } from './words/general.ts';
export { defineWords, numberText, useWords } from './words/words.ts';
