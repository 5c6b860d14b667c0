// Serves the actions of a parcel carrier on a queue of their own, for steps with `agent_capability: carrier`.
import { ApplicationFailure, Context } from '@temporalio/activity';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { callBack, idempotencyKey, ReadsKey, type Callback, type UndoInput } from './advanced-workflow.ts';
import { Carrier, type Parcel } from './carrier.ts';

interface Order {
  order: string;
  address: string;
}

interface HandOver {
  number: string;
  back: Callback;
}

const address = process.env['TEMPORAL_ADDRESS'] ?? '127.0.0.1:7233';
const namespace = process.env['TEMPORAL_NAMESPACE'] ?? 'default';
const carrier = new Carrier(process.env['CARRIER_FOLDER'] ?? '.');
const client = new Client({ connection: Connection.lazy({ address }), namespace });

/** Book a parcel and wait for its label. Whatever happens meanwhile, there is one parcel for one key. */
async function book({ order, address }: Order): Promise<Parcel> {
  if (address === '') throw ApplicationFailure.nonRetryable(`order ${order} has no address`, 'UnknownAddress');
  const parcel = carrier.book(idempotencyKey(), order);
  while (!carrier.isPrinted(order)) {
    Context.current().heartbeat(parcel.number); // The step has a `heartbeat_timeout`: should this process die, another is asked.
    await Context.current().sleep('200ms'); // Ends here when the run is cancelled; then it is undone.
  }
  return parcel;
}

/** Undo of `book`: it is asked by the step's key, so it finds the parcel of a call that nobody heard of again, too. */
async function cancel(undo: UndoInput<Order, Parcel>): Promise<{ cancelled: string | null }> {
  return { cancelled: carrier.cancel(undo.idempotency_key) };
}

/** Give the parcel to a driver, whose news come as an event of the run: once, however often this is tried. */
async function handOver({ number, back }: HandOver): Promise<void> {
  await callBack(client, back, { event: 'delivered', data: { number }, event_id: idempotencyKey() });
}

const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  namespace,
  taskQueue: process.env['CARRIER_QUEUE'] ?? 'carrier',
  activities: { 'carrier.book': book, 'carrier.cancel': cancel, 'carrier.hand_over': handOver },
  interceptors: { activity: [() => ({ inbound: new ReadsKey() })] },
});
await worker.run(); // Until it is asked to stop: SIGINT or SIGTERM.
