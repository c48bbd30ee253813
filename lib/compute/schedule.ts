import { TimeZone } from 'aws-cdk-lib';
import { Schedule } from 'aws-cdk-lib/aws-applicationautoscaling';
import type { ScalableTaskCount } from 'aws-cdk-lib/aws-ecs';
import type { IdleHours } from '../environments.ts';

/** Keep fewer tasks in idle hours. Work that comes then still starts more. */
export function rest(tasks: ScalableTaskCount, idle: IdleHours | undefined, kept: number, usual: number): void {
  if (idle === undefined) return;
  const at = (hour: number) => ({
    schedule: Schedule.cron({ hour: String(hour), minute: '0' }),
    timeZone: TimeZone.of(idle.timeZone),
  });
  tasks.scaleOnSchedule('Idle', { ...at(idle.from), minCapacity: Math.min(kept, usual) });
  tasks.scaleOnSchedule('Busy', { ...at(idle.to), minCapacity: usual });
}
