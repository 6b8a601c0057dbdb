// Everybody's newest notifications.

import {
  Badge,
  below,
  type Column,
  call,
  href,
  type Live,
  LiveTable,
  numberText,
  Time,
  useLive,
  useQuery,
  useWords,
} from '../../../../console/index.ts';
import { words } from './words.ts';

interface RecentNotification {
  user: string;
  id: string;
  event: string;
  title: string;
  createdAt: string;
  readAt: string | null;
}
interface RecentPage {
  notifications: RecentNotification[];
  nextCursor: string | null;
  sockets: number;
}

export function useRecent(): Live<RecentPage> {
  const [{ cursor }] = useQuery();
  return useLive(`recent ${cursor}`, (signal) =>
    call<RecentPage>('GET', '/v1/notifications/recent', { query: { cursor }, signal }),
  );
}

export function Recent({ live }: { live: Live<RecentPage> }) {
  const texts = useWords(words);
  const columns: Column<RecentNotification>[] = [
    { id: 'at', title: texts.at, cell: ({ createdAt }) => <Time at={createdAt} /> },
    { id: 'user', title: texts.user, cell: ({ user }) => <a href={href('/notifications', { user })}>{user}</a> },
    { id: 'title', title: texts.what, cell: ({ title }) => <span class="why">{title}</span> },
    { id: 'read', title: texts.read, cell: ({ readAt }) => <Read at={readAt} /> },
    { id: 'event', title: texts.event, cell: ({ event }) => <a href={href(below('/events', event))}>{texts.event}</a> },
  ];
  return (
    <>
      {live.value && <p class="muted">{texts.sockets(numberText(live.value.sockets))}</p>}
      <LiveTable
        live={live}
        caption={texts.recent}
        columns={columns}
        rows={live.value?.notifications}
        id={({ event }) => event}
        next={live.value?.nextCursor}
      />
    </>
  );
}

export function Read({ at }: { at: string | null }) {
  return at === null ? <Badge text={useWords(words).unread} tone="neutral" /> : <Time at={at} />;
}
