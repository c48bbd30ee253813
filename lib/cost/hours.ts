import type { Environment } from '../environments.ts';

/** Hours of a month: 365.25 days by 12 and 24, rounded as AWS's calculators do. */
export const monthHours = 730;

/** How much of the month a service keeps how many tasks. */
export type Period = { readonly hours: number; readonly min: number };

/** The busy hours, in which films come, and the idle ones. */
export type Periods = { readonly busy: Period; readonly idle: Period };

/** What a service keeps by day and by night; `idle` has the same name as the setting. */
export function periodsOf({ idle }: Pick<Environment, 'idle'>, min: number, atNight: number | undefined): Periods {
  const night = idle ? ((idle.to - idle.from + 24) % 24) / 24 : 0;
  return {
    busy: { hours: monthHours * (1 - night), min },
    idle: { hours: monthHours * night, min: Math.min(atNight ?? min, min) },
  };
}

export type Load = {
  readonly films: number;
  /** What one film keeps one of the places of a task busy for. */
  readonly ms: number;
  /** Films that a task reads at the same time. */
  readonly places: number;
  /** The share of its time that a task is meant to be busy. */
  readonly target: number;
  readonly max: number;
  /** How long a task, or its instance, stays after its last film. */
  readonly lingerHours: number;
};

/** Task hours of a month: what stands there anyway, what the films need, and whether `max` tasks can do it. */
export type TaskHours = {
  readonly billed: number;
  readonly floor: number;
  readonly needed: number;
  readonly enough: boolean;
};

/** Films come evenly over the busy hours; a film that finds no task starts one, which lingers. */
export function taskHours({ busy, idle }: Periods, { films, ms, places, target, max, lingerHours }: Load): TaskHours {
  const reading = ms / places / 3.6e6;
  const needed = (films * reading) / target;
  const awake = Math.min(busy.hours, films * (reading + lingerHours));
  const floor = busy.min * busy.hours + idle.min * idle.hours;
  const most = max * busy.hours;
  const byDay = Math.min(most, Math.max(busy.min * busy.hours, awake, needed));
  return { billed: byDay + idle.min * idle.hours, floor, needed, enough: needed <= most };
}
