import { table } from '../../functions/cli/output/table.ts';
import type { Estimate } from './estimate.ts';
import { type PriceTable, priceOf } from './prices.ts';
import { worthwhile } from './volume.ts';

/** An estimate to read. */
export function inText(estimate: Estimate, prices: PriceTable): string {
  const { environment, asked, month, savings, notes, assumptions, unverified, floor, perReading, atUnverified } =
    estimate;
  const { currency, region, date } = prices;
  const mark = new Set(unverified.map(({ name }) => name));
  const bill = month.lines.map(({ service, what, quantity, name, cost }) => [
    service,
    what,
    amount(quantity),
    priceOf(prices, name).unit,
    cost.toFixed(2),
    mark.has(name) ? 'unverified' : '',
  ]);
  const tasks = month.running.map(({ name, capacity, hours, busyHours, room }) => [
    name,
    capacity.device,
    hours.floor.toFixed(0),
    hours.billed.toFixed(0),
    busyHours.toFixed(1),
    rounded(room),
  ]);
  const saved = savings.map(({ mix, ofInference, busyHours, byUse, billed, volume }) => [
    mix.name,
    mix.variants.join(' + '),
    `${mix.cpu.routed} / ${mix.cpu.largest}`,
    share(ofInference),
    share(busyHours.largest > 0 ? 1 - busyHours.routed / busyHours.largest : 0),
    money(byUse),
    money(billed),
    volume.from === undefined ? 'never' : rounded(volume.from),
  ]);
  const [first] = savings;
  return [
    `${environment}: ${asked.readings} readings a month, ${share(asked.jobs)} of them as jobs; prices of ${region}, ${date}, in ${currency}.\n\n`,
    table(['service', 'what', 'amount', 'unit', currency, 'price'], bill),
    `\nTotal ${month.total.toFixed(2)} ${currency} a month, of which ${atUnverified.toFixed(2)} at unverified prices; ${perReading.toPrecision(2)} a reading. Without a single reading: ${floor.toFixed(2)}.\n\n`,
    'Task hours\n',
    table(['service', 'device', 'at least', 'billed', 'busy with films', 'films they have time for'], tasks),
    `\nRouting against always ${first?.mix.largest ?? 'the largest'}, if all readings asked for:\n`,
    table(['findings', 'run', 'ms on cpu', 'inference', 'whole film', 'by use', 'on the bill', 'saves from'], saved),
    `Inference and whole film: share of time saved, the latter with decoding. By use: ${currency} saved if hours were bought to the second.\n`,
    'Saves from: readings a month from which at least ',
    `${worthwhile} ${currency} is saved on the bill; never, where the tasks that the environment may have end before.\n`,
    first ? `${onTheBill(first, asked.readings, currency)}\n` : '',
    `\nNotes\n${list(notes)}\nAssumptions (lib/cost/assumptions.ts)\n${list(assumptions)}`,
    unverified.length > 0
      ? `\nUnverified prices: look these up before you rely on the total\n${list(unverified.map(({ name, restsOn }) => `${name}: ${restsOn}`))}`
      : '',
  ].join('');
}

/** Whether what is asked saves money, and from when on it would. */
function onTheBill(
  { mix, billed, volume: { from, upTo } }: Estimate['savings'][number],
  readings: number,
  currency: string,
) {
  const reason = 'the tasks that are kept or awake anyway have time for either';
  const now =
    billed < 0.005
      ? `On the bill routing saves nothing at ${readings} readings a month of ${mix.name}: ${reason}.`
      : `On the bill routing saves ${money(billed)} ${currency} at ${readings} readings a month of ${mix.name}.`;
  return from === undefined
    ? `${now} Nor does it below ${rounded(upTo)}, which is all that its tasks have time for.`
    : `${now} It saves ${worthwhile} ${currency} a month or more from ${rounded(from)} readings on.`;
}

const list = (lines: readonly string[]) => lines.map((line) => `  ${line}\n`).join('');
const share = (of: number) => `${(100 * of).toFixed(0)} %`;
/** Without a minus before nothing. */
const money = (sum: number) => (Math.abs(sum) < 0.005 ? '0.00' : sum.toFixed(2));
/** To two digits: more would promise more than the assumptions hold. */
const rounded = (count: number) => Number(count.toPrecision(2)).toString();
const amount = (quantity: number) =>
  quantity >= 1000 ? quantity.toFixed(0) : Number(quantity.toPrecision(4)).toString();
