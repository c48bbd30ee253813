import type { Fault } from '../../core/fault.ts';
import { ok, type Result } from '../../core/result.ts';
import type { ChangeLog } from './client.ts';
import { clockToleranceMs, isSame, type LogPosition, momentOf, positionBefore, positionOf, start } from './cursor.ts';

/** Where to go on in a log. `rewound`: it is not the log that was followed up to here. */
export type ResumePoint = { readonly at: LogPosition; readonly rewound: boolean };

/**
 * What was stored so long before the place that two logs have in common is looked at once more: a film may lie before it
 * whose result, stored a moment later, was lost.
 */
const marginMs = 3_600_000;

/**
 * The place from which to go on in a log that was followed up to `at`: there, when its entry is. An entry goes with the
 * film that is deleted, and whole ends of a log go when an archive is restored from a backup, whose numbers are then
 * given out again; which of the two it was is not always to be seen. So both go back to the last place that the log
 * still holds of those in `marks`, as a look too many costs a search and a look too few a study.
 */
export async function findResumePoint(
  at: LogPosition,
  { marks, oldest }: { readonly marks: readonly LogPosition[]; readonly oldest: LogPosition | undefined },
  orthanc: ChangeLog,
): Promise<Result<ResumePoint, Fault>> {
  const here = await entryOf(at, orthanc);
  if (!here.ok) return here;
  if (here.value === 'there') return ok({ at, rewound: false });
  const last = await orthanc.lastChange();
  if (!last.ok) return last;
  let rewound = here.value === 'another' || (last.value?.Seq ?? 0) < at.seq;
  for (const mark of marks.toReversed()) {
    const entry = await entryOf(mark, orthanc);
    if (!entry.ok) return entry;
    if (entry.value === 'another') rewound = true;
    if (entry.value !== 'there') continue;
    return rewound ? before(mark, marks, orthanc) : ok({ at: mark, rewound });
  }
  const first = await orthanc.changes(0, 1);
  if (!first.ok) return first;
  const [change] = first.value.changes;
  // The same archive, gone back to before the first contact: go on with what has come since then.
  if (change && isSame(positionOf(change), oldest)) {
    const [contact = at] = marks;
    const place = await positionBefore(new Date(momentOf(contact).getTime() - clockToleranceMs), orthanc);
    return place.ok ? ok({ at: place.value, rewound: true }) : place;
  }
  return ok({ at: start, rewound: true });
}

/** A while before the last common place, but not before the first contact. */
async function before(
  common: LogPosition,
  marks: readonly LogPosition[],
  orthanc: ChangeLog,
): Promise<Result<ResumePoint, Fault>> {
  const [contact = start] = marks;
  if (common.seq <= contact.seq) return ok({ at: common, rewound: true });
  const place = await positionBefore(new Date(momentOf(common).getTime() - marginMs), orthanc);
  if (!place.ok) return place;
  return ok({ at: place.value.seq > contact.seq ? place.value : contact, rewound: true });
}

/** What the log holds at the number of a mark: its entry, none, or another one. */
async function entryOf(mark: LogPosition, orthanc: ChangeLog): Promise<Result<'there' | 'gone' | 'another', Fault>> {
  if (mark.seq === 0) return ok('there');
  const here = await orthanc.changes(mark.seq - 1, 1);
  if (!here.ok) return here;
  const [change] = here.value.changes;
  if (change?.Seq !== mark.seq) return ok('gone');
  return ok(isSame(positionOf(change), mark) ? 'there' : 'another');
}
