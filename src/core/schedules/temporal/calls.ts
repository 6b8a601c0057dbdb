// The calls to Temporal about schedules. Each has a limit, because a Temporal that is away must not hold up who asks, and
// says by a value what is expected to happen: not found, exists already.

import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { within } from '../../within.ts';
import { type Deed, deedsOf } from './deeds.ts';
import { isOwn, ownMemo, type TemporalSchedule, type TemporalSpec } from './wanted.ts';

const CALL_TIMEOUT_MS = 5_000;
const PAGE_SIZE = 500;
const GRPC = { invalidArgument: 3, notFound: 5, alreadyExists: 6, failedPrecondition: 9 } as const;

export interface HeldSchedule {
  schedule: TemporalSchedule;
  conflictToken: Uint8Array;
  /** Made by this ledger. */
  own: boolean;
}

export interface ListedSchedule {
  id: string;
  own: boolean;
  spec: TemporalSpec | undefined;
  workflowType: string;
  paused: boolean;
  notes: string;
}

export interface ScheduleCalls {
  describe(id: string): Promise<HeldSchedule | undefined>;
  /** False when there is one of this id. */
  create(id: string, schedule: TemporalSchedule): Promise<boolean>;
  /** Writes it whole, unless it was changed since the token was given; false when it is gone. */
  update(id: string, schedule: TemporalSchedule, conflictToken: Uint8Array): Promise<boolean>;
  remove(id: string): Promise<void>;
  list(): AsyncGenerator<ListedSchedule>;
  /** What people did to it of late; see deedsOf. */
  deeds(id: string): Promise<Deed[]>;
  /** Whether Temporal's own calendar has a time at this second. */
  matches(id: string, at: number): Promise<boolean>;
}

/** Temporal refuses what it was given: trying again changes nothing. The message is Temporal's. */
export class RefusedByTemporal extends Error {
  override readonly name = 'RefusedByTemporal';
}

export function scheduleCalls(client: Client, ledgerId: string, timeoutMs = CALL_TIMEOUT_MS): ScheduleCalls {
  const { namespace, identity } = client.options;
  const service = client.workflowService;
  const asked = async <Answer>(
    call: Promise<Answer>,
    expected: readonly number[] = [],
  ): Promise<Answer | undefined> => {
    try {
      return await within(timeoutMs, call, () => new Error(`Temporal did not answer within ${timeoutMs} ms`));
    } catch (error) {
      const { code, details } = error as { code?: unknown; details?: unknown };
      if (expected.includes(code as number)) return undefined;
      if (code === GRPC.invalidArgument) throw new RefusedByTemporal(String(details ?? 'an argument is wrong'));
      throw error;
    }
  };
  return {
    async describe(scheduleId) {
      const answer = await asked(service.describeSchedule({ namespace, scheduleId }), [GRPC.notFound]);
      if (!answer?.schedule) return undefined;
      return { schedule: answer.schedule, conflictToken: answer.conflictToken, own: isOwn(answer.memo, ledgerId) };
    },
    async create(scheduleId, schedule) {
      const request = { namespace, identity, scheduleId, schedule, memo: ownMemo(ledgerId), requestId: randomUUID() };
      return (await asked(service.createSchedule(request as never), [GRPC.alreadyExists])) !== undefined;
    },
    async update(scheduleId, schedule, conflictToken) {
      const request = { namespace, identity, scheduleId, schedule, conflictToken, requestId: randomUUID() };
      return (await asked(service.updateSchedule(request), [GRPC.notFound, GRPC.failedPrecondition])) !== undefined;
    },
    async remove(scheduleId) {
      await asked(service.deleteSchedule({ namespace, identity, scheduleId }), [GRPC.notFound]);
    },
    async *list() {
      let nextPageToken: Uint8Array = new Uint8Array();
      do {
        const page = await asked(service.listSchedules({ namespace, maximumPageSize: PAGE_SIZE, nextPageToken }));
        for (const { scheduleId, memo, info } of page?.schedules ?? []) {
          yield {
            id: scheduleId ?? '',
            own: isOwn(memo, ledgerId),
            spec: info?.spec ?? undefined,
            workflowType: info?.workflowType?.name ?? '',
            paused: info?.paused ?? false,
            notes: info?.notes ?? '',
          };
        }
        nextPageToken = page?.nextPageToken ?? new Uint8Array();
      } while (nextPageToken.length > 0);
    },
    deeds: (scheduleId) => deedsOf(client, scheduleId, timeoutMs),
    async matches(scheduleId, at) {
      const [startTime, endTime] = [{ seconds: at / 1_000 }, { seconds: at / 1_000 }] as never[];
      const answer = await asked(
        service.listScheduleMatchingTimes({ namespace, scheduleId, startTime, endTime } as never),
        [GRPC.notFound],
      );
      return (answer?.startTime ?? []).some((time) => Number(time.seconds) * 1_000 === at);
    },
  };
}
