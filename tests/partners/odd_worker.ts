// Actions that give and throw what JavaScript lets them.
import { ApplicationFailure, CompleteAsyncError, Context } from '@temporalio/activity';
import { NativeConnection, Worker } from '@temporalio/worker';

const gives: Record<string, (input: unknown, ...more: unknown[]) => unknown> = {
  'a large result': () => 'x'.repeat(3_000_000),
  'bad heartbeat': async () => {
    Context.current().heartbeat({ big: 2n });
    await Context.current().sleep(3000);
    return 1;
  },
  nothing: () => undefined,
  null: () => null,
  bytes: () => Buffer.from([1, 255]),
  'bytes inside': () => ({ data: Buffer.from('x') }),
  'not a number': () => ({ a: NaN }),
  'a large number': () => ({ a: 2 ** 60, b: 1e300 }),
  bigint: () => ({ a: 2n ** 60n }),
  'a function': () => () => 1,
  'a symbol': () => Symbol('x'),
  'a circle': () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    return circle;
  },
  'half a character': () => ({ a: '\ud800' }),
  'a map': () => new Map([['a', 1]]),
  'what it was given': (...given) => given,
  'throws a text': () => {
    throw 'no';
  },
  'throws undefined': () => {
    throw undefined;
  },
  'throws an object': () => {
    throw { code: 5 };
  },
  'throws a TypeError': () => (undefined as unknown as { a: number }).a,
  'no type': () => {
    throw ApplicationFailure.create({ message: 'no', nonRetryable: true });
  },
  'empty type': () => {
    throw ApplicationFailure.create({ message: '', type: '', nonRetryable: true });
  },
  'odd details': () => {
    throw ApplicationFailure.create({ message: 'no', type: 'Odd', nonRetryable: true, details: [Buffer.from('x'), undefined, { a: 1 }] });
  },
  'long message': () => {
    throw ApplicationFailure.nonRetryable('x'.repeat(100_000), 'Long');
  },
  'a type of the platform': () => {
    throw ApplicationFailure.nonRetryable('I say so', 'Timeout');
  },
  'says how it is': () => {
    throw ApplicationFailure.create({ message: 'maybe', type: 'Maybe', nonRetryable: true, details: [{ effect: 'unknown' }] });
  },
  'is completed later': () => {
    throw new CompleteAsyncError();
  },
  'heartbeats bytes': () => {
    Context.current().heartbeat(Buffer.from('x'));
    Context.current().heartbeat({ big: 2n });
    return 1;
  },
};
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] ?? '' }),
  taskQueue: process.env['CARRIER_QUEUE'] ?? '',
  activities: Object.fromEntries(
    Object.entries(gives).map(([name, give]) => [name, async (...given: [unknown]) => give(...given)]),
  ),
});
await worker.run();
