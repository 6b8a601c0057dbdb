// One user's inbox: how much is unread, whether somebody listens and how far he was sent, and the notifications.

import {
  Badge,
  below,
  type Column,
  call,
  Figures,
  href,
  type Live,
  LiveTable,
  numberText,
  Time,
  useLive,
  useQuery,
  useSession,
  useWords,
} from '../../../../console/index.ts';
import { words } from './words.ts';

interface BoundedCount {
  count: number;
  isExact: boolean;
}
interface InboxState {
  user: string;
  lastId: string;
  unread: BoundedCount;
  kept: BoundedCount;
  sockets: number;
  sentUpTo: string | null;
}
interface Notification {
  id: string;
  event: string;
  title: string;
  body: string;
  createdAt: string;
  readAt: string | null;
}
interface Shown {
  state: InboxState;
  /** Undefined for who may not see what they say. */
  page: { notifications: Notification[]; nextCursor: string | null } | undefined;
}

export function useInbox(user: string): Live<Shown> {
  const [{ unread, cursor }] = useQuery();
  const { payloads } = useSession();
  return useLive(JSON.stringify([user, unread, cursor, payloads]), async (signal) => {
    const path = below('/v1/users', user);
    const state = await call<InboxState>('GET', `${path}/inbox`, { signal });
    const page = payloads
      ? await call<NonNullable<Shown['page']>>('GET', `${path}/notifications`, { query: { unread, cursor }, signal })
      : undefined;
    return { state, page };
  });
}

export function Inbox({ live }: { live: Live<Shown> }) {
  const texts = useWords(words);
  const [{ unread }] = useQuery();
  const { payloads } = useSession();
  const state = live.value?.state;
  const counted = ({ count, isExact }: BoundedCount): string => `${numberText(count)}${isExact ? '' : '+'}`;
  return (
    <>
      {state && (
        <Figures
          label={texts.inboxOf(state.user)}
          figures={[
            { name: texts.unread, value: counted(state.unread) },
            { name: texts.kept, value: counted(state.kept) },
            { name: texts.connected, value: numberText(state.sockets) },
            { name: texts.sentUpTo, value: state.sentUpTo ?? texts.nobodyListens },
          ]}
        />
      )}
      {payloads ? (
        <LiveTable
          live={live}
          caption={texts.inbox}
          columns={useColumns(state?.sentUpTo ?? null)}
          rows={live.value?.page?.notifications}
          id={({ id }) => id}
          next={live.value?.page?.nextCursor}
          filtered={unread !== undefined}
        />
      ) : (
        <p class="muted">{texts.hidden}</p>
      )}
    </>
  );
}

function useColumns(sentUpTo: string | null): Column<Notification>[] {
  const texts = useWords(words);
  return [
    { id: 'id', title: texts.number, numeric: true, cell: ({ id }) => id },
    { id: 'at', title: texts.at, cell: ({ createdAt }) => <Time at={createdAt} /> },
    { id: 'title', title: texts.what, cell: ({ title }) => <span class="why">{title}</span> },
    { id: 'body', title: texts.body, cell: ({ body }) => <span class="why">{body}</span> },
    { id: 'way', title: texts.way, cell: ({ id, readAt }) => <Way id={id} readAt={readAt} sentUpTo={sentUpTo} /> },
    { id: 'event', title: texts.event, cell: ({ event }) => <a href={href(below('/events', event))}>{texts.event}</a> },
  ];
}

/** How far it came: into the inbox, to the sockets that are open now, or read. */
function Way({ id, readAt, sentUpTo }: { id: string; readAt: string | null; sentUpTo: string | null }) {
  const texts = useWords(words);
  if (readAt !== null) {
    return (
      <>
        <Badge text={texts.read} tone="good" /> <Time at={readAt} />
      </>
    );
  }
  const isSent = sentUpTo !== null && BigInt(id) <= BigInt(sentUpTo);
  return isSent ? <Badge text={texts.sent} tone="busy" /> : <Badge text={texts.unread} tone="neutral" />;
}
